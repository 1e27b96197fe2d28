import type { Clock } from '../clock.ts';
import type { Target } from './nat-targets.ts';

/** Of one core, the share that reading may take; and where ports run short. */
const SHARE = 1 / 12;
const SHORT_SHARE = 1 / 4;
/** Between two readings: where nothing comes, where something comes, where ports run short. */
const IDLE_MS = 4000;
const ACTIVE_MS = 1000;
const SHORT_MS = 100;

/** When the connection tracking table is read again: the sooner, the more has happened since; and never so often that it costs much. */
export class ReadingTimer {
  private readonly clock: Clock;
  private beganAtMs = 0;
  private endedAtMs = Number.NEGATIVE_INFINITY;
  private costMs = 0;
  private isBroken = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  begin(): void {
    this.beganAtMs = this.clock.now();
  }

  /** `isWhole`: false, and it is to be made again at once. */
  end(isWhole: boolean): void {
    this.endedAtMs = this.clock.now();
    // The kernel writes while we read: all of the time is taken for work.
    this.costMs = this.endedAtMs - this.beganAtMs;
    this.isBroken = !isWhole;
  }

  isDue(targets: readonly Target[]): boolean {
    const restMs = this.clock.now() - this.endedAtMs;
    if (this.isBroken) return restMs >= Math.max(SHORT_MS, this.costMs);
    const isShort = targets.some(({ steering: { tickets, drawn } }) => tickets.isLimited && drawn > 0);
    const isActive = targets.some(({ steering }) => steering.openedSince > 0);
    const least = isShort ? SHORT_MS : isActive ? ACTIVE_MS : IDLE_MS;
    return restMs >= Math.max(least, this.costMs / (isShort ? SHORT_SHARE : SHARE));
  }
}
