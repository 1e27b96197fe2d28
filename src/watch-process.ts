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
  const { clock, log, onMessage } = deps;
  const heartbeat = new Heartbeat(
    {
      clock,
      ask: () => child.send({ type: 'ping' } satisfies HostCommand),
      onSilence: () => {
        log.emit({ type: 'notice', message: `${name} does not answer and is killed` });
        child.kill('SIGKILL');
      },
    },
    { timeoutMs },
  );
  child.on('message', (message) => {
    heartbeat.heard();
    onMessage(message as Event | HostEvent);
  });
  child.on('exit', () => heartbeat.stop());
  child.on('let-go', () => heartbeat.stop());
  heartbeat.start();
}
