/** After this time an old latency counts for 1/e of what it did. Finagle's default. */
const DECAY_MS = 10_000;

/**
 * How long a server takes to answer, by a moving average that rises to a peak at once and comes down slowly (Finagle's peak EWMA): a server
 * that has just been slow is avoided before it has been slow on average. Without news it falls, so that a server is tried again.
 */
export class LatencyEstimate {
  private valueMs = 0;
  private updatedAtMs = 0;
  private isKnown = false;

  /** In milliseconds; undefined before the first answer. */
  at(nowMs: number): number | undefined {
    if (!this.isKnown) return undefined;
    return this.valueMs * Math.exp(-Math.max(0, nowMs - this.updatedAtMs) / DECAY_MS);
  }

  observe(latencyMs: number, nowMs: number): void {
    if (!this.isKnown || latencyMs > this.valueMs) {
      this.valueMs = latencyMs;
    } else {
      const weight = Math.exp(-Math.max(0, nowMs - this.updatedAtMs) / DECAY_MS);
      this.valueMs = this.valueMs * weight + latencyMs * (1 - weight);
    }
    this.updatedAtMs = nowMs;
    this.isKnown = true;
  }
}
