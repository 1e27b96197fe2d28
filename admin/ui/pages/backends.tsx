import { useMemo, useState } from 'preact/hooks';
import type { Backend, Server } from '../api/answers.ts';
import type { PageProps } from '../app.tsx';
import { usePolled } from '../live/use-polled.ts';
import { type ServerRow, serverRows } from '../model/server-rows.ts';
import { useMedia } from '../parts/use-media.ts';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { useServices } from '../services.ts';
import { AddServer, EditServer, useToggle } from './backends/server-dialogs.tsx';
import { BackendLine, ServerLine } from './backends/server-line.tsx';
import { useServerLatency } from './backends/use-server-latency.ts';

const COLUMNS = ['Server', 'State', 'Weight', 'Latency', 'Busy', 'Idle', 'Change'];
const NO_ROWS: ServerRow[] = [];

type Asked = { readonly backend: string; readonly server: Server | undefined } | undefined;

/** Every server, what it does, and what the operator wants of it. */
export function BackendsPage({ item }: PageProps) {
  const { live } = useServices();
  const { value, error, hurry } = usePolled<{ backends: Backend[] }>(
    { key: '', ask: (client, signal) => client.GET('/api/v1/backends', { signal }) },
    1000,
  );
  const [text, setText] = useState('');
  const [asked, setAsked] = useState<Asked>(undefined);
  const latencyOf = useServerLatency(value?.backends);
  const toggle = useToggle(hurry);
  const isNarrow = useMedia('(max-width: 859px)');
  const rows = useMemo(
    () => (value === undefined ? NO_ROWS : serverRows(value.backends, item, text)),
    [value, item, text],
  );
  const close = (): void => setAsked(undefined);
  return (
    <>
      <div class="toolbar">
        <label class="search">
          <span class="unseen">Server address or name</span>
          <input
            type="search"
            placeholder="Server address or name"
            value={text}
            onInput={(event) => setText(event.currentTarget.value.trim())}
          />
        </label>
        {item === undefined ? null : <a href="#/backends">All backends</a>}
      </div>
      {error === undefined ? null : (
        <p class="problem" role="alert">
          {error}
        </p>
      )}
      <div class="servers">
        <VirtualRows
          label="Servers of each backend"
          count={rows.length}
          rowHeight={isNarrow ? 66 : 38}
          columns={COLUMNS}
          keyOf={(i) => keyOf(rows[i]!)}
          row={(i) => {
            const row = rows[i]!;
            if (row.kind === 'backend') {
              const { name } = row.backend;
              return (
                <BackendLine
                  backend={row.backend}
                  shown={row.shown}
                  rates={live.tick.value?.backends.find((each) => each.name === name)}
                  onAdd={() => setAsked({ backend: name, server: undefined })}
                />
              );
            }
            const { backend, server } = row;
            return (
              <ServerLine
                server={server}
                latencySeconds={latencyOf(backend, server.id)}
                onToggle={() => void toggle(backend, server)}
                onEdit={() => setAsked({ backend, server })}
              />
            );
          }}
        />
      </div>
      {asked === undefined ? null : asked.server === undefined ? (
        <AddServer backend={asked.backend} onDone={hurry} onClose={close} />
      ) : (
        <EditServer backend={asked.backend} server={asked.server} onDone={hurry} onClose={close} />
      )}
    </>
  );
}

const keyOf = (row: ServerRow): string =>
  row.kind === 'backend' ? row.backend.name : `${row.backend} ${row.server.id}`;
