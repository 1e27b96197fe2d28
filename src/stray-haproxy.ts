import type { Clock, Timer } from '../lb/clock.ts';
import { HaproxyFiles, haproxyDirectory } from './haproxy-files.ts';

/** A signal that meets HAProxy while it starts is lost at times (2.6: in the first 300 ms or so), and none does harm twice. */
const AGAIN_MS = 1000;

/** Asks now, and again until the timer is cleared. */
export function askUntilGone(clock: Clock, ask: () => void): Timer {
  ask();
  return clock.every(AGAIN_MS, ask);
}

/**
 * Ends an HAProxy that a Portico which was killed has left in its runtime directory, and that nobody takes over: connections finish, within
 * `drainMs`. Returns whether there was one; it lets go of its addresses soon after.
 */
export function endStrayHaproxy(clock: Clock, runtime: string, drainMs: number): boolean {
  const files = new HaproxyFiles(haproxyDirectory(runtime));
  const pid = files.runningPid;
  const deadline = clock.now() + drainMs;
  files.remove();
  if (pid === undefined) return false;
  let wasMissed = false;
  const asking = askUntilGone(clock, () => {
    // Not to be found for a moment is one that reloads; the next time is soon enough to be sure.
    const isThere = files.isOurs(pid);
    if (!isThere && wasMissed) return clock.clear(asking);
    wasMissed = !isThere;
    try {
      if (isThere) process.kill(pid, clock.now() < deadline ? 'SIGUSR1' : 'SIGTERM');
    } catch {
      // It has ended meanwhile, or is somebody else's.
    }
  });
  return true;
}
