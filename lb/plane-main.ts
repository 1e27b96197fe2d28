import { systemClock } from './clock.ts';
import type { PlaneCommand, PlaneEvent } from './control/messages.ts';
import { loadTcpBinding, type TcpHandle } from './net/tcp-binding.ts';
import { TcpNetwork } from './net/tcp-stream.ts';
import { OwnUsage } from './own-usage.ts';
import { Plane } from './plane.ts';
import { readQuarantineMs } from './source/tcp-settings.ts';

// The data-plane process. The primary forks it and speaks lb/control/messages.ts with it.

const READ_BUFFER_BYTES = 65536;
/** Without a primary nobody grants ports: finish what is open, then make room for the next primary's planes. */
const ORPHAN_DRAIN_MS = 30_000;

const send = (event: PlaneEvent): void => {
  if (process.connected) process.send!(event);
};

const plane = new Plane({
  network: new TcpNetwork(loadTcpBinding(), { readBufferBytes: READ_BUFFER_BYTES }),
  clock: systemClock,
  random: Math.random,
  epochNow: Date.now,
  send,
  quarantineMs: readQuarantineMs,
  usage: new OwnUsage().read,
});

const exit = (): void => process.exit(0);
process.on('message', (command: PlaneCommand, socket: unknown) =>
  plane.handle(command, socket as TcpHandle | undefined, exit),
);
process.on('disconnect', () => plane.handle({ type: 'drain', deadlineMs: ORPHAN_DRAIN_MS }, undefined, exit));
// A terminal sends Ctrl-C to the whole process group; the primary decides what it means.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
send({ type: 'hello' });
