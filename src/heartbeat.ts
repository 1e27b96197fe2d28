import type { Clock, Timer } from '../lb/clock.ts';

/** Questions within the time that a process may be silent. */
const BEATS = 4;
/** A process may take so long to start, on a machine that has other things to do. */
const START_MS = 60_000;

export interface HeartbeatDeps {
  readonly clock: Clock;
  /** Asks the process for a sign of life. */
  readonly ask: () => void;
  /** The process has not answered for the whole time. Called once. */
  readonly onSilence: () => void;
}

/**
 * Finds a process that is there and does nothing: stopped, or in an endless loop. It counts its own questions, not the time that has passed:
 * when this process itself was stopped for a while, that is no silence of the other.
 */
export class Heartbeat {
  private readonly deps: HeartbeatDeps;
  private readonly beatMs: number;
  private unanswered = 0;
  private allowed: number;
  private timer: Timer | undefined = undefined;

  constructor(deps: HeartbeatDeps, options: { readonly timeoutMs: number }) {
    this.deps = deps;
    this.beatMs = options.timeoutMs / BEATS;
    this.allowed = Math.max(BEATS, START_MS / this.beatMs);
  }

  start(): void {
    this.timer = this.deps.clock.every(this.beatMs, () => {
      if (++this.unanswered <= this.allowed) {
        this.deps.ask();
        return;
      }
      this.stop();
      this.deps.onSilence();
    });
  }

  /** The process has said something. */
  heard(): void {
    this.unanswered = 0;
    this.allowed = BEATS;
  }

  /** Idempotent. */
  stop(): void {
    this.deps.clock.clear(this.timer);
    this.timer = undefined;
  }
}
