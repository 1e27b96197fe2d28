import { useRef } from 'preact/hooks';
import type { Fault } from '../../api/answers.ts';

export interface EditorProps {
  readonly text: string;
  readonly faults: readonly Fault[];
  readonly onInput: (text: string) => void;
}

/** The text with its line numbers, those with faults marked, and below it what is wrong; a click on a fault goes there. */
export function Editor({ text, faults, onInput }: EditorProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const bad = new Set(faults.map(({ line }) => line));
  const lines = text.split('\n');

  const go = ({ line, column }: Fault): void => {
    const element = area.current!;
    const at = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0) + Math.max(0, column - 1);
    element.focus();
    element.setSelectionRange(at, at);
    element.scrollTop = Math.max(0, (line - 6) * LINE_HEIGHT);
  };
  return (
    <>
      <div class="editor">
        <div ref={gutter} class="editor-lines" aria-hidden="true">
          {lines.map((_, i) => (
            <span key={i} class={bad.has(i + 1) ? 'is-bad' : ''}>
              {i + 1}
            </span>
          ))}
        </div>
        <textarea
          ref={area}
          class="editor-text"
          aria-label="portico.yaml"
          aria-invalid={faults.length > 0}
          aria-describedby="config-faults"
          spellcheck={false}
          wrap="off"
          value={text}
          onInput={(event) => onInput(event.currentTarget.value)}
          onScroll={(event) => {
            // The scroll that the focus causes may come when the page is already another.
            if (gutter.current !== null) gutter.current.scrollTop = event.currentTarget.scrollTop;
          }}
        />
      </div>
      <div id="config-faults" role="status">
        {faults.length === 0 ? null : (
          <ul class="faults">
            {faults.map((fault) => (
              <li key={`${fault.line}:${fault.column} ${fault.message}`}>
                <button type="button" class="small mono" onClick={() => go(fault)}>
                  <span class="unseen">Go to line </span>
                  {fault.line}:{fault.column}
                </button>
                <span>
                  {fault.message}
                  {fault.suggestion === undefined ? '' : `; did you mean "${fault.suggestion}"?`}
                </span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </>
  );
}

/** As the style sheet has it. */
const LINE_HEIGHT = 20;
