/** A page in the background asks no more than it must to know that it is alive. */
const HIDDEN_MS = 15_000;

export interface PollerDeps {
  readonly isHidden: () => boolean;
  /** Resolves after so many milliseconds, or when the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly now: () => number;
}

/**
 * Does something again and again until it is stopped: each `intervalMs`, and never more than a tenth of the time, so that what grows
 * slow is asked for less often.
 */
export class Poller {
  private readonly deps: PollerDeps;
  private readonly work: (signal: AbortSignal) => Promise<void>;
  private readonly intervalMs: number;
  private stopping: AbortController | undefined;
  private nudge: AbortController | undefined;

  /** `work` handles its own failures. */
  constructor(deps: PollerDeps, work: (signal: AbortSignal) => Promise<void>, intervalMs: number) {
    this.deps = deps;
    this.work = work;
    this.intervalMs = intervalMs;
  }

  start(): void {
    if (this.stopping !== undefined) return;
    this.stopping = new AbortController();
    void this.run(this.stopping.signal);
  }

  stop(): void {
    this.stopping?.abort();
    this.nudge?.abort();
    this.stopping = undefined;
  }

  /** Does it at once: something is known to have changed. */
  hurry(): void {
    this.nudge?.abort();
  }

  private async run(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      const began = this.deps.now();
      await this.work(stopped);
      if (stopped.aborted) return;
      const took = this.deps.now() - began;
      const pause = Math.max(this.deps.isHidden() ? HIDDEN_MS : this.intervalMs - took, took * 9);
      this.nudge = new AbortController();
      await this.deps.wait(pause, this.nudge.signal);
    }
  }
}
