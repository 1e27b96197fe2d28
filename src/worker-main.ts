import { pathToFileURL } from 'node:url';
import { systemClock } from '../lb/clock.ts';
import { Host } from '../lb/control/host.ts';
import type { FoundWorker, WorkerCommand, WorkerEvent } from '../lb/control/messages.ts';
import { socketPath } from '../lb/control/socket-path.ts';
import { loadPipeBinding } from '../lb/net/pipe-binding.ts';
import { OwnUsage } from '../lb/own-usage.ts';
import { setWorkerLink } from './worker/link.ts';

// A worker process: `worker-main DIRECTORY ID MODULE BACKEND`. Runs the module, which calls `serve` of portico/worker. The primary opens a
// channel to it.

const BUILTIN = new Map([['builtin:echo', './worker/echo.js']]);

const USAGE_MS = 1000;
const [directory = '', id = '', module = '', backend = ''] = process.argv.slice(2);
const exit = (): void => process.exit(0);
let drain = exit;
let state: FoundWorker | undefined;
/** What the primary is to hear as soon as there is one. */
let news: WorkerEvent | undefined;

function tell(event: WorkerEvent): void {
  news = event;
  host.send(event, event.type === 'failed' ? () => process.exit(1) : undefined);
}

const host = new Host<WorkerCommand>({
  clock: systemClock,
  binding: loadPipeBinding(),
  hosted: {
    handle: (command) => {
      if (command.type === 'drain') drain();
    },
    describe: () => state,
    sockets: () => new Map(),
    onAlone: (isAlone) => {
      if (!isAlone && news !== undefined) tell(news);
    },
    leave: () => drain(),
    exit,
  },
});
process.on('disconnect', () => host.onParentGone());
process.on('SIGTERM', () => host.onTerminate());
// A terminal sends these to the whole process group; the primary decides what they mean.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
// What they lead to may be gone with the primary.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
setWorkerLink({
  listening: (port) => {
    state = { backend, module, port };
    tell({ type: 'listening', port });
  },
  onDrain: (run) => {
    drain = run;
  },
});
const usage = new OwnUsage();
systemClock.every(USAGE_MS, () => host.send({ type: 'usage', usage: usage.read() } satisfies WorkerEvent));
host.listen(socketPath(directory, id, process.pid));
process.send?.('here');
const builtin = BUILTIN.get(module);
try {
  await import(builtin === undefined ? pathToFileURL(module).href : new URL(builtin, import.meta.url).href);
} catch (error) {
  tell({ type: 'failed', message: (error as Error).message });
}
