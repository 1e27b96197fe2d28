import type { Difference } from '../../api/answers.ts';
import { lineDiff, withContext } from '../../model/line-diff.ts';

const SIGNS = { same: ' ', removed: '−', added: '+' } as const;
const WORDS = { same: '', removed: 'removed: ', added: 'added: ' } as const;

/** What changes in a text, with a few lines around it. */
export function DiffView({ before, after }: { readonly before: string; readonly after: string }) {
  const lines = withContext(lineDiff(before, after));
  return (
    <ol class="diff" aria-label="Changed lines">
      {lines.map((line, i) =>
        line === undefined ? (
          <li key={`gap ${i}`} class="diff-gap">
            …
          </li>
        ) : (
          <li key={`${line.kind} ${line.line}`} class={`diff-${line.kind}`}>
            <span class="diff-line">{line.line}</span>
            <span aria-hidden="true">{SIGNS[line.kind]}</span>
            <span class="unseen">{WORDS[line.kind]}</span>
            <span class="diff-text">{line.text}</span>
          </li>
        ),
      )}
    </ol>
  );
}

const textOf = (value: unknown): string =>
  value === null || value === undefined ? 'nothing' : typeof value === 'string' ? value : JSON.stringify(value);

/** What changes in what runs, value by value. */
export function DifferenceList({ differences }: { readonly differences: readonly Difference[] }) {
  return (
    <ul class="differences">
      {differences.map(({ path, before, after }) => (
        <li key={path}>
          <span class="mono">{path}</span>: {textOf(before)} → <b>{textOf(after)}</b>
        </li>
      ))}
    </ul>
  );
}
