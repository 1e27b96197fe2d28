import type { ComponentChildren } from 'preact';
import type { PortStrip } from '../../api/types.ts';
import { formatCount, formatPercent, formatSpan, plural } from '../../model/format.ts';
import type { PairRow, SourceRow } from '../../model/port-rows.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { StripCanvas } from '../../parts/strip-canvas.tsx';

const TONES: Readonly<Record<string, Tone>> = {
  ready: 'good',
  claiming: 'info',
  draining: 'warn',
  lost: 'bad',
  refused: 'bad',
};

export interface SourceLineProps {
  readonly row: SourceRow;
  readonly onDrain: () => void;
}

/** A source address, with what it can do for all that is below it. */
export function SourceLine({ row: { source, shown, destinations, fullest }, onDrain }: SourceLineProps) {
  const { address, pool, state, reason, claim } = source;
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
  readonly row: PairRow;
  /** Undefined: not here yet. */
  readonly strip: PortStrip | undefined;
  readonly theme: string;
}

/** One destination of a source: where in its port range it is used, and for how long that goes on. */
export function PairLine({ row, strip, theme }: PairLineProps) {
  const { destination, ports, free, used, quarantined, unusable, exhaustionSeconds } = row;
  const label = `${used} used, ${quarantined} resting, ${unusable} unusable, ${free} free of ${ports} ports`;
  const whole = { first: [], ports: [ports], used: [used], quarantined: [quarantined], unusable: [unusable] };
  const isUrgent = exhaustionSeconds !== null && exhaustionSeconds < 600;
  return (
    <>
      <Cell class="pair-name mono">{destination}</Cell>
      <Cell class="pair-strip">
        <StripCanvas strip={strip ?? whole} label={label} theme={theme} />
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

function Cell({ class: name, children }: { readonly class: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a cell of rows that are no table element
    <span class={name} role="cell">
      {children}
    </span>
  );
}
