import type { RequestMetrics } from './plane-metrics.ts';

/** Upper bounds in seconds. The low end is finer than prom-client's default, since a balancer's own share is well under a millisecond. */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Of whoever counts requests and not how long they take. */
export const NO_DURATIONS = { bounds: BOUNDS, counts: BOUNDS.map(() => 0).concat(0), sum: 0 };
const BOUNDS_MS = Float64Array.from(BOUNDS, (seconds) => seconds * 1000);

/** Answers of one listener from one backend. `record` is on the hot path: two additions and a short scan. */
export class RequestCounters {
  private readonly listener: string;
  private readonly backend: string;
  private readonly codes = new Float64Array(600);
  private readonly buckets = new Float64Array(BOUNDS.length + 1);
  private sumMs = 0;

  constructor(listener: string, backend: string) {
    this.listener = listener;
    this.backend = backend;
  }

  record(code: number, durationMs: number): void {
    this.codes[code]!++;
    this.sumMs += durationMs;
    let i = 0;
    while (i < BOUNDS_MS.length && durationMs > BOUNDS_MS[i]!) i++;
    this.buckets[i]!++;
  }

  snapshot(): RequestMetrics {
    const codes: { code: number; count: number }[] = [];
    this.codes.forEach((count, code) => {
      if (count > 0) codes.push({ code, count });
    });
    return {
      listener: this.listener,
      backend: this.backend,
      codes,
      duration: { bounds: BOUNDS, counts: [...this.buckets], sum: this.sumMs / 1000 },
    };
  }
}
