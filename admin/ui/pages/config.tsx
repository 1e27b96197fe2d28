import { useEffect, useState } from 'preact/hooks';
import type { ConfigAnswer, ConfigChange, Fault, Verdict } from '../api/answers.ts';
import { dataOf } from '../api/api.ts';
import { ApiError, messageOf } from '../api/api-error.ts';
import { plural } from '../model/format.ts';
import { Badge } from '../parts/badge.tsx';
import { ChangeDialog } from '../parts/change-dialog.tsx';
import { useServices } from '../services.ts';
import { DifferenceList, DiffView } from './config/diff-view.tsx';
import { Editor } from './config/editor.tsx';

/** After the last key, before the text is checked. */
const PAUSE_MS = 300;

interface Planned {
  readonly kind: 'apply' | 'rollback';
  readonly change: ConfigChange;
}

/** portico.yaml: checked while it is written, shown as what would change, applied whole or not at all, and taken back. */
export function ConfigPage() {
  const { api, notices, timing } = useServices();
  const [file, setFile] = useState<ConfigAnswer | undefined>(undefined);
  const [text, setText] = useState('');
  const [verdict, setVerdict] = useState<Verdict | undefined>(undefined);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [planned, setPlanned] = useState<Planned | undefined>(undefined);

  const load = async (): Promise<void> => {
    try {
      const answer = await dataOf(api.client.GET('/api/v1/config'));
      setFile(answer);
      setText(answer.text);
      setVerdict(undefined);
      setProblem(undefined);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  useEffect(() => void load(), []);

  const isChanged = file !== undefined && text !== file.text;
  useEffect(() => {
    if (!isChanged) {
      setVerdict(undefined);
      return undefined;
    }
    const left = new AbortController();
    const check = async (): Promise<void> => {
      await timing.wait(PAUSE_MS, left.signal);
      if (left.signal.aborted) return;
      try {
        const answer = await dataOf(
          api.client.POST('/api/v1/config/validate', { body: { text }, signal: left.signal }),
        );
        if (!left.signal.aborted) setVerdict(answer);
      } catch (error) {
        if (!left.signal.aborted) setProblem(messageOf(error));
      }
    };
    void check();
    return () => left.abort();
  }, [text, isChanged]);

  const put = (isDryRun: boolean): Promise<ConfigChange> =>
    dataOf(
      api.client.PUT('/api/v1/config', {
        params: { query: { dry_run: isDryRun, keep: true }, header: { 'if-match': `"${file!.etag}"` } },
        body: { text },
      }),
    );
  const rollBack = (isDryRun: boolean): Promise<ConfigChange> =>
    dataOf(api.client.POST('/api/v1/config/rollback', { params: { query: { dry_run: isDryRun } } }));
  const plan = async (kind: Planned['kind']): Promise<void> => {
    setProblem(undefined);
    try {
      setPlanned({ kind, change: kind === 'apply' ? await put(true) : await rollBack(true) });
    } catch (error) {
      if (error instanceof ApiError && Array.isArray(error.problem.faults)) {
        setVerdict({ valid: false, faults: error.problem.faults as Fault[], warnings: [] });
      }
      setProblem(messageOf(error));
    }
  };
  const confirm = async (): Promise<void> => {
    if (planned!.kind === 'apply') await put(false);
    else await rollBack(false);
    notices.done(planned!.kind === 'apply' ? 'The config is in force.' : 'The config before is in force again.');
    await load();
  };

  const faults = verdict?.faults ?? [];
  return (
    <>
      {problem === undefined ? null : (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {file === undefined ? null : (
        <>
          <div class="toolbar">
            <span class="mono">{file.file}</span>
            <Standing file={file} isChanged={isChanged} verdict={verdict} />
            <span class="toolbar-end">
              <button type="button" disabled={!file.can_roll_back} onClick={() => void plan('rollback')}>
                Roll back…
              </button>
              <button type="button" disabled={!isChanged} onClick={() => setText(file.text)}>
                Discard
              </button>
              <button
                type="button"
                class="primary"
                disabled={!isChanged || verdict?.valid !== true}
                onClick={() => void plan('apply')}
              >
                Apply…
              </button>
            </span>
          </div>
          <Editor text={text} faults={faults} onInput={setText} />
          {verdict === undefined || verdict.warnings.length === 0 ? null : (
            <ul class="faults">
              {verdict.warnings.map(({ line, column, message }) => (
                <li key={`${line}:${column} ${message}`}>
                  <Badge tone="warn">{`line ${line}`}</Badge> <span>{message}</span>
                </li>
              ))}
            </ul>
          )}
          {isChanged ? <DiffView before={file.text} after={text} /> : null}
          {!isChanged && file.differences !== null && file.differences.length > 0 ? (
            <section class="panel" aria-label="What runs differs from the file">
              <div class="panel-head">
                <h2>What runs differs from the file</h2>
              </div>
              <div class="panel-body">
                <DifferenceList differences={file.differences} />
              </div>
            </section>
          ) : null}
        </>
      )}
      {planned === undefined ? null : (
        <ChangeDialog
          title={planned.kind === 'apply' ? 'Apply this config?' : 'Go back to the config before?'}
          action={planned.kind === 'apply' ? 'Apply' : 'Roll back'}
          canKeep={false}
          onConfirm={confirm}
          onClose={() => setPlanned(undefined)}
        >
          <p>
            {planned.change.changes.length === 0
              ? 'Nothing of what runs changes.'
              : `${plural(planned.change.changes.length, 'value')} of what runs ${planned.change.changes.length === 1 ? 'changes' : 'change'}; where a step fails, all is as before.`}
          </p>
          <DifferenceList differences={planned.change.changes} />
          {planned.change.needs_restart.length === 0 ? null : (
            <p class="problem">Only the next start brings into force: {planned.change.needs_restart.join(', ')}</p>
          )}
        </ChangeDialog>
      )}
    </>
  );
}

interface StandingProps {
  readonly file: ConfigAnswer;
  readonly isChanged: boolean;
  readonly verdict: Verdict | undefined;
}

function Standing({ file, isChanged, verdict }: StandingProps) {
  if (!isChanged) {
    return file.differences === null || file.differences.length === 0 ? (
      <Badge tone="good">runs as written</Badge>
    ) : (
      <Badge tone="warn">what runs differs from the file</Badge>
    );
  }
  if (verdict === undefined) return <Badge tone="off">being checked</Badge>;
  return verdict.valid ? (
    <Badge tone="good">can be applied</Badge>
  ) : (
    <Badge tone="bad">{plural(verdict.faults.length, 'fault')}</Badge>
  );
}
