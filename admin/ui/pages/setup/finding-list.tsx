import type { SystemFinding } from '../../api/answers.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { Commands } from './commands.tsx';

const TONES: Readonly<Record<string, Tone>> = { fail: 'bad', warn: 'warn', pass: 'good', skip: 'off' };
const WORDS: Readonly<Record<string, string>> = {
  fail: 'in the way',
  warn: 'to improve',
  pass: 'fine',
  skip: 'not needed',
};
const ORDER = ['fail', 'warn', 'pass', 'skip'];
const CHANGERS: Readonly<Record<string, string>> = {
  portico: 'Portico can change it',
  root: 'needs root',
  host: 'is for the host of this container',
  person: 'is for a person to decide',
};

export interface FindingListProps {
  readonly findings: readonly SystemFinding[];
  readonly onAct: (act: 'apply' | 'undo', id: string) => void;
}

/** Each setting, what is in the way first; what, why and what else it does are behind it. */
export function FindingList({ findings, onAct }: FindingListProps) {
  const sorted = findings.toSorted((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  return (
    <ul class="findings panel">
      {sorted.map((finding) => (
        <li key={finding.id}>
          <details>
            <summary>
              <span class="finding-state">
                <Badge tone={TONES[finding.severity] ?? 'off'}>{WORDS[finding.severity] ?? finding.severity}</Badge>
              </span>
              <span class="finding-title">{finding.title}</span>
              <span class="mono finding-value">
                {finding.current ?? 'not set'}
                {finding.severity === 'pass' || finding.severity === 'skip' ? '' : ` → ${finding.wanted}`}
              </span>
            </summary>
            <Details finding={finding} onAct={onAct} />
          </details>
        </li>
      ))}
    </ul>
  );
}

interface DetailsProps extends Pick<FindingListProps, 'onAct'> {
  readonly finding: SystemFinding;
}

function Details({ finding, onAct }: DetailsProps) {
  const { id, title, severity, why, if_left, risk, formula, detail, changed_by, is_changed, commands, take_back } =
    finding;
  const isOpen = severity === 'fail' || severity === 'warn';
  return (
    <div class="finding-details">
      <p>{why}</p>
      <dl>
        {isOpen ? <Fact name="If it stays">{if_left}</Fact> : null}
        <Fact name="Wanted">{`${finding.wanted} (${formula})`}</Fact>
        <Fact name="Risk">{risk}</Fact>
        {detail === null ? null : <Fact name="Here">{detail}</Fact>}
        {changed_by === null ? null : <Fact name="Change">{CHANGERS[changed_by] ?? changed_by}</Fact>}
      </dl>
      {isOpen && commands.length > 0 ? <Commands lines={commands} /> : null}
      {is_changed && take_back.length > 0 ? <Commands lines={take_back} /> : null}
      <div class="row-actions">
        {is_changed ? (
          <button type="button" class="small" onClick={() => onAct('undo', id)}>
            Put back…<span class="unseen"> {title}</span>
          </button>
        ) : null}
        {isOpen && changed_by === 'portico' ? (
          <button type="button" class="small" onClick={() => onAct('apply', id)}>
            Change this one…<span class="unseen"> {title}</span>
          </button>
        ) : null}
      </div>
    </div>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: string }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
