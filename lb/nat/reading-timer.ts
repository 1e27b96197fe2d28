import type { Clock } from '../clock.ts';
import type { Target } from './nat-targets.ts';

/**
 * The time that reading takes against the rest after it: where the ports that are free last for much longer; as a rule; where ports run short;
 * where connections wait for what is read.
 */
const PLENTY_SHARE = 1 / 40;
const SHARE = 1 / 18;
const SHORT_SHARE = 1 / 3;
const ASKED_SHARE = 1;
/** Between two readings: where nothing comes, where something comes, where no port is left, where the last ones are given out or asked for. */
const IDLE_MS = 4000;
const ACTIVE_MS = 1000;
const CLOSED_MS = 100;
const SHORT_MS = 20;
/** However much there is of everything, what is told of it is to be no older, as long as reading alone does not take that. */
const PLENTY_MS = 4000;

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

  /** `isAsked`: connections wait for a port, or were refused since the last reading began. */
  isDue(targets: readonly Target[], isAsked: boolean): boolean {
    const restMs = this.clock.now() - this.endedAtMs;
    if (this.isBroken) return restMs >= Math.max(SHORT_MS, this.costMs);
    const isClosed = targets.some(({ steering }) => !steering.isOpen);
    if (isClosed && isAsked) return restMs >= Math.max(SHORT_MS, this.costMs / ASKED_SHARE);
    const isShort = targets.some(({ steering: { tickets, drawn } }) => tickets.isLimited && drawn > 0);
    if (isShort) return restMs >= Math.max(SHORT_MS, this.costMs / SHORT_SHARE);
    const isActive = targets.some(({ steering }) => steering.openedSince > 0);
    const least = isClosed ? CLOSED_MS : isActive ? ACTIVE_MS : IDLE_MS;
    // Until as many have come as may still come, they find a port.
    const isPlenty = !isClosed && targets.every(({ steering: { openedSince, free } }) => openedSince <= free);
    const plentyMs = isPlenty ? Math.min(PLENTY_MS, this.costMs / PLENTY_SHARE) : 0;
    return restMs >= Math.max(least, this.costMs / SHARE, plentyMs);
  }
}
