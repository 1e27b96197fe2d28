import type { ComponentChildren } from 'preact';
import type { PortStrip } from '../../api/answers.ts';
import { formatCount, formatPercent, formatSpan, plural } from '../../model/format.ts';
import type { Pair, SourceGroup } from '../../model/port-rows.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { StripCanvas, type StripPalette } from '../../parts/strip-canvas.tsx';
import { StripFill } from '../../parts/strip-fill.tsx';

const TONES: Readonly<Record<string, Tone>> = {
  ready: 'good',
  claiming: 'info',
  draining: 'warn',
  lost: 'bad',
  refused: 'bad',
};

export interface SourceLineProps {
  readonly source: SourceGroup;
  readonly onDrain: () => void;
}

/** A source address, with what it can do for all that is below it. */
export function SourceLine({ source, onDrain }: SourceLineProps) {
  const { address, pool, state, reason, claim, shown, destinations, fullest } = source;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a cell of rows that are no table element
    <div class="source-line" role="cell" aria-colspan={6}>
      <strong class="mono">{address}</strong>
      <Badge tone={TONES[state] ?? 'info'}>{state}</Badge>
      <span class="muted source-facts">
        {reason ?? `pool ${pool}${claim ? `, claimed on ${source.interface}` : ''}, ${formatCount(source.ports)} ports`}
        {destinations > 0
          ? `, ${shown === destinations ? '' : `${formatCount(shown)} of `}${plural(destinations, 'destination')}, fullest ${formatPercent(fullest)}`
          : ''}
      </span>
      {state === 'draining' ? null : (
        <button type="button" class="small" onClick={onDrain}>
          Drain<span class="unseen"> {address}</span>
        </button>
      )}
    </div>
  );
}

export interface PairLineProps {
  readonly source: SourceGroup;
  readonly pair: Pair;
  /** Undefined: not here yet. */
  readonly strip: PortStrip | undefined;
  readonly palette: StripPalette;
}

/** One destination of a source: where in its port range it is used, and for how long that goes on. */
export function PairLine({ source: { ports }, pair, strip, palette }: PairLineProps) {
  const { destination, free, used, quarantined, unusable, exhaustion_seconds: exhaustionSeconds } = pair;
  const label = `${used} used, ${quarantined} resting, ${unusable} unusable, ${free} free of ${ports} ports`;
  const isUrgent = exhaustionSeconds !== null && exhaustionSeconds < 600;
  return (
    <>
      <Cell class="pair-name mono">{destination}</Cell>
      <Cell class="pair-strip">
        {strip === undefined ? (
          <StripFill ports={ports} used={used} quarantined={quarantined} unusable={unusable} label={label} />
        ) : (
          <StripCanvas strip={strip} label={label} palette={palette} />
        )}
      </Cell>
      <Cell class="number">{formatCount(used)}</Cell>
      <Cell class="number muted">{formatCount(quarantined)}</Cell>
      <Cell class="number">{formatCount(free)}</Cell>
      <Cell class={`number ${isUrgent ? 'text-bad' : 'muted'}`}>
        {exhaustionSeconds === null
          ? 'not in sight'
          : exhaustionSeconds <= 0
            ? 'none left'
            : `in ${formatSpan(exhaustionSeconds)}`}
      </Cell>
    </>
  );
}

/** One that scrolling has come to before its numbers have. */
export function AwayLine() {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a cell of rows that are no table element
    <span class="pair-name muted" role="cell" aria-colspan={6}>
      …
    </span>
  );
}

function Cell({ class: name, children }: { readonly class: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a cell of rows that are no table element
    <span class={name} role="cell">
      {children}
    </span>
  );
}
