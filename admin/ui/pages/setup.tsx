import { useState } from 'preact/hooks';
import type { System, SystemChanges } from '../api/answers.ts';
import { dataOf } from '../api/api.ts';
import { ApiError, messageOf } from '../api/api-error.ts';
import { usePolled } from '../live/use-polled.ts';
import { formatCount, plural } from '../model/format.ts';
import { Badge } from '../parts/badge.tsx';
import { ChangeDialog } from '../parts/change-dialog.tsx';
import { Panel } from '../parts/panel.tsx';
import { ScrollBox } from '../parts/scroll-box.tsx';
import { useServices } from '../services.ts';
import { Commands } from './setup/commands.tsx';
import { FindingList } from './setup/finding-list.tsx';

type Act = 'apply' | 'undo';

interface Planned {
  readonly act: Act;
  readonly only: readonly string[] | undefined;
  readonly changes: SystemChanges;
}

const TARGETS = [10_000, 50_000, 200_000, 1_000_000];

/** What of this machine stands in the way of many connections, and the change: seen first, then made, then taken back if wanted. */
export function SetupPage() {
  const { api, notices } = useServices();
  const [target, setTarget] = useState<number | undefined>(undefined);
  const {
    value: system,
    error,
    hurry,
  } = usePolled<System>(
    {
      key: String(target),
      ask: (client, signal) =>
        client.GET('/api/v1/system', { params: { query: target === undefined ? {} : { for: target } }, signal }),
    },
    10_000,
  );
  const [planned, setPlanned] = useState<Planned | undefined>(undefined);
  const [refusal, setRefusal] = useState<{ text: string; commands: readonly string[] } | undefined>(undefined);

  const request = (act: Act, only: readonly string[] | undefined, isDryRun: boolean): Promise<SystemChanges> =>
    dataOf(
      api.client.POST(`/api/v1/system/${act}`, {
        body: {
          ...(target === undefined || act === 'undo' ? {} : { for: target }),
          ...(only === undefined ? {} : { only: [...only] }),
          dry_run: isDryRun,
        },
      }),
    );
  const plan = async (act: Act, only?: readonly string[]): Promise<void> => {
    setRefusal(undefined);
    try {
      setPlanned({ act, only, changes: await request(act, only, true) });
    } catch (failure) {
      const commands = failure instanceof ApiError ? failure.problem.commands : undefined;
      setRefusal({ text: messageOf(failure), commands: Array.isArray(commands) ? (commands as string[]) : [] });
    }
  };
  const confirm = async (): Promise<void> => {
    const { act, only } = planned!;
    const { changed } = await request(act, only, false);
    notices.done(
      `${plural(changed.length, 'setting')} ${changed.length === 1 ? 'was' : 'were'} ${act === 'apply' ? 'changed' : 'put back'}.`,
    );
    hurry();
  };
  if (system === undefined)
    return <p class={error === undefined ? 'muted' : 'problem'}>{error ?? 'Looking at the machine …'}</p>;
  const { summary, capacity, findings, journal, container, can_apply } = system;
  return (
    <>
      <div class="toolbar">
        <label>
          Connections at once{' '}
          <select value={system.target} onChange={(event) => setTarget(Number(event.currentTarget.value))}>
            {[...new Set([...TARGETS, system.target])]
              .sort((a, b) => a - b)
              .map((each) => (
                <option key={each} value={each}>
                  {each.toLocaleString('en')}
                </option>
              ))}
          </select>
        </label>
        {summary.fail > 0 ? <Badge tone="bad">{`${summary.fail} in the way`}</Badge> : null}
        {summary.warn > 0 ? <Badge tone="warn">{`${summary.warn} to improve`}</Badge> : null}
        <Badge tone="good">{`${summary.pass} fine`}</Badge>
        <span class="toolbar-end">
          <button type="button" disabled={journal === 'none'} onClick={() => void plan('undo')}>
            Undo everything…
          </button>
          <button type="button" class="primary" onClick={() => void plan('apply')}>
            Change what can be changed…
          </button>
        </span>
      </div>
      {can_apply ? null : (
        <p class="muted">
          This Portico runs without the privilege to change settings
          {container === null ? '' : `, in a container (${container})`}; it says what somebody who has it would type.
        </p>
      )}
      {journal === 'interrupted' ? (
        <p class="problem">A change was cut off in the middle. The next change, or an undo, puts it back first.</p>
      ) : null}
      {refusal === undefined ? null : (
        <div class="problem" role="alert">
          <p>{refusal.text}</p>
          {refusal.commands.length === 0 ? null : <Commands lines={refusal.commands} />}
        </div>
      )}
      <Panel title="What stops this machine first">
        <ScrollBox label="Limits of this machine">
          <table>
            <thead>
              <tr>
                <th scope="col">Limit</th>
                <th scope="col" class="number">
                  Connections
                </th>
                <th scope="col">How it comes about</th>
              </tr>
            </thead>
            <tbody>
              {capacity.map(({ id, title, connections, formula }) => (
                <tr key={id}>
                  <th scope="row">{title}</th>
                  <td class={`number${connections < system.target ? ' text-bad' : ''}`}>{formatCount(connections)}</td>
                  <td class="muted wraps">{formula}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollBox>
      </Panel>
      <FindingList findings={findings} onAct={(act, id) => void plan(act, [id])} />
      {planned === undefined ? null : (
        <ChangeDialog
          title={planned.act === 'apply' ? 'Change these settings?' : 'Put these settings back?'}
          action={planned.act === 'apply' ? 'Change' : 'Put back'}
          canKeep={false}
          onConfirm={confirm}
          onClose={() => setPlanned(undefined)}
        >
          <ChangeList changes={planned.changes} />
        </ChangeDialog>
      )}
    </>
  );
}

function ChangeList({ changes: { changed, left, notices } }: { readonly changes: SystemChanges }) {
  return (
    <>
      {changed.length === 0 ? <p>There is nothing that Portico can change here.</p> : null}
      <ul class="differences">
        {changed.map(({ name, from, to }) => (
          <li key={name}>
            <span class="mono">{name}</span>: {from ?? 'not set'} → <b>{to ?? 'not set'}</b>
          </li>
        ))}
      </ul>
      {left.length === 0 ? null : (
        <>
          <p class="muted">Left as it is:</p>
          <ul class="differences">
            {left.map(({ id, detail, commands }) => (
              <li key={id}>
                {id}: {detail}
                {commands.length === 0 ? null : <Commands lines={commands} />}
              </li>
            ))}
          </ul>
        </>
      )}
      {notices.map((notice) => (
        <p key={notice}>{notice}</p>
      ))}
    </>
  );
}
