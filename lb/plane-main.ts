import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from './clock.ts';
import type { PlaneCommand, PlaneEvent } from './control/messages.ts';
import { loadTcpBinding, type TcpHandle } from './net/tcp-binding.ts';
import { TcpNetwork } from './net/tcp-stream.ts';
import { Plane } from './plane.ts';
import { readQuarantineMs } from './source/tcp-settings.ts';

// The data-plane process. The primary forks it and speaks lb/control/messages.ts with it.

const READ_BUFFER_BYTES = 65536;
/** Without a primary nobody grants ports: finish what is open, then make room for the next primary's planes. */
const ORPHAN_DRAIN_MS = 30_000;

const send = (event: PlaneEvent): void => {
  if (process.connected) process.send!(event);
};

const delay = monitorEventLoopDelay({ resolution: 20 });
delay.enable();

function usage(): { residentBytes: number; cpuSeconds: number; eventLoopLagSeconds: number } {
  const { user, system } = process.cpuUsage();
  const eventLoopLagSeconds = delay.count > 0 ? delay.percentile(99) / 1e9 : 0;
  delay.reset();
  return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6, eventLoopLagSeconds };
}

const plane = new Plane({
  network: new TcpNetwork(loadTcpBinding(), { readBufferBytes: READ_BUFFER_BYTES }),
  clock: systemClock,
  random: Math.random,
  epochNow: Date.now,
  send,
  quarantineMs: readQuarantineMs,
  usage,
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
