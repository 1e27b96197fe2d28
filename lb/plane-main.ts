import { systemClock } from './clock.ts';
import { Host } from './control/host.ts';
import type { PlaneCommand } from './control/messages.ts';
import { SocketCopier } from './control/socket-copier.ts';
import { copierPath, socketPath } from './control/socket-path.ts';
import { loadPipeBinding } from './net/pipe-binding.ts';
import { loadTcpBinding } from './net/tcp-binding.ts';
import { TcpNetwork } from './net/tcp-stream.ts';
import { OwnUsage } from './own-usage.ts';
import { Plane } from './plane.ts';
import { ownLimits } from './pressure/own-limits.ts';
import { readQuarantineMs } from './source/tcp-settings.ts';

// The data-plane process: `plane-main DIRECTORY ID`. The primary forks it, opens a channel to it, and speaks lb/control/messages.ts with it.

const READ_BUFFER_BYTES = 65536;
/** What is open gets so long when no primary has come. */
const ORPHAN_DRAIN_MS = 30_000;

const [directory = '', id = ''] = process.argv.slice(2);

const binding = loadPipeBinding();
const copier = new SocketCopier(binding);
const plane = new Plane({
  network: new TcpNetwork(loadTcpBinding(), { readBufferBytes: READ_BUFFER_BYTES }),
  clock: systemClock,
  random: Math.random,
  epochNow: Date.now,
  send: (event) => host.send(event),
  quarantineMs: readQuarantineMs,
  usage: new OwnUsage().read,
  copySocket: (socket, done) => copier.copy(socket, done),
  limits: ownLimits,
});

const exit = (): void => process.exit(0);
const host = new Host<PlaneCommand>({
  clock: systemClock,
  binding,
  hosted: {
    handle: (command, socket) => plane.handle(command, socket, exit),
    describe: () => plane.describe(),
    sockets: () => plane.sockets,
    onAlone: (isAlone) => plane.setAlone(isAlone),
    leave: () => plane.handle({ type: 'drain', deadlineMs: ORPHAN_DRAIN_MS }, undefined, exit),
    exit,
  },
});
process.on('disconnect', () => host.onParentGone());
process.on('SIGTERM', () => host.onTerminate());
// A terminal sends these to the whole process group; the primary decides what they mean.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
// What they lead to may be gone with the primary.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
// Without it the plane goes on accepting for as long as the kernel lets it.
copier.open(copierPath(directory, process.pid)).catch(({ message }: Error) => {
  host.send({ type: 'notice', message: `cannot stop accepting when descriptors run out: ${message}` });
});
host.listen(socketPath(directory, id, process.pid));
process.send?.('here');
