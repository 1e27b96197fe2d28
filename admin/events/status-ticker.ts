import type { Clock, Timer } from '../../lb/clock.ts';
import type { AdminSource, Traffic } from '../admin-source.ts';
import { describeTick, type Sample, takeSample } from './describe-tick.ts';

export interface StatusTickerDeps {
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  readonly source: AdminSource;
  readonly traffic: () => Promise<Traffic>;
  readonly onError: (error: unknown) => void;
}

const PERIOD_MS = 1000;

/** Says once a second how things stand, as JSON; asks the planes only while somebody listens. */
export class StatusTicker {
  private readonly deps: StatusTickerDeps;
  private readonly listeners = new Set<(json: string) => void>();
  private timer: Timer | undefined = undefined;
  private last: Sample | undefined = undefined;
  private isBusy = false;

  constructor(deps: StatusTickerDeps) {
    this.deps = deps;
  }

  /** The first comes after a second. Returns a function that ends the subscription. */
  subscribe(listener: (json: string) => void): () => void {
    this.listeners.add(listener);
    if (this.timer === undefined) {
      this.timer = this.deps.clock.every(PERIOD_MS, () => void this.tick());
      void this.tick();
    }
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.stop();
    };
  }

  private stop(): void {
    this.deps.clock.clear(this.timer);
    this.timer = undefined;
    this.last = undefined;
  }

  private async tick(): Promise<void> {
    // Planes that hang are waited for as long as a tick takes, or longer.
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      const { clock, epochMs, source, traffic } = this.deps;
      const sample = takeSample(clock.now(), await traffic());
      const then = this.last;
      if (this.timer === undefined) return;
      this.last = sample;
      if (then === undefined) return;
      const json = JSON.stringify(describeTick(source, new Date(epochMs()).toISOString(), then, sample));
      for (const listener of this.listeners) listener(json);
    } catch (error) {
      this.deps.onError(error);
    } finally {
      this.isBusy = false;
    }
  }
}
