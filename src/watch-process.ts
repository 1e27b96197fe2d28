import type { Clock } from '../lb/clock.ts';
import type { HostCommand, HostEvent } from '../lb/control/host-messages.ts';
import type { EventLog } from './event-log.ts';
import { Heartbeat } from './heartbeat.ts';
import type { LinkedProcess } from './linked-process.ts';

/** Passes on what the process says, and kills it when it is silent for too long: until its end, or until it is let go. */
export function watchProcess<Event>(
  deps: { readonly clock: Clock; readonly log: EventLog; readonly onMessage: (event: Event | HostEvent) => void },
  child: LinkedProcess,
  { name, timeoutMs }: { readonly name: string; readonly timeoutMs: number },
): void {
  const ask = (): void => child.send({ type: 'ping' } satisfies HostCommand);
  const heartbeat = heartbeatOf({ ...deps, ask, kill: () => child.kill('SIGKILL') }, { name, timeoutMs });
  child.on('message', (message) => {
    heartbeat.heard();
    deps.onMessage(message as Event | HostEvent);
  });
  child.on('exit', () => heartbeat.stop());
  child.on('let-go', () => heartbeat.stop());
  heartbeat.start();
}

/** Of a process that is killed when it does not answer `ask` in time. */
export function heartbeatOf(
  deps: { readonly clock: Clock; readonly log: EventLog; readonly ask: () => void; readonly kill: () => void },
  { name, timeoutMs }: { readonly name: string; readonly timeoutMs: number },
): Heartbeat {
  const { clock, log, ask, kill } = deps;
  const onSilence = (): void => {
    log.emit({ type: 'notice', message: `${name} does not answer and is killed` });
    kill();
  };
  return new Heartbeat({ clock, ask, onSilence }, { timeoutMs });
}
