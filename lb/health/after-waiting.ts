import type { Clock, Timer } from '../clock.ts';

const PARTS = 4;

/**
 * Runs `fn` once after `ms` of waiting. A process that did not run for a while, because the machine has other things to do or its event loop was
 * held up, sees that a timer is due before it sees what has come meanwhile. So the time is waited for in parts, and what passes in which this
 * process does not run counts for one part at most. Returns what to call to have it not run.
 */
export function afterWaiting(clock: Clock, ms: number, fn: () => void): () => void {
  let left = PARTS;
  let timer: Timer | undefined;
  const waitOn = (): void => {
    timer = clock.after(ms / PARTS, () => {
      left--;
      if (left === 0) fn();
      else waitOn();
    });
  };
  waitOn();
  return () => clock.clear(timer);
}
