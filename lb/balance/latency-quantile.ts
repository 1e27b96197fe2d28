/** Each bucket is a tenth wider than the one before: that is how exact the answer is. */
const GROWTH = 1.1;
const FIRST_MS = 0.1;
/** The last one begins at about five minutes. */
const BUCKETS = 158;
/** What is left of the counts after a second: on average they are ten seconds old. */
const KEPT_EACH_SECOND = 0.9;
/** With fewer answers nothing is said. */
const LEAST = 100;

/** Within what time a share of the answers of the last seconds came, from a histogram that forgets. */
export class LatencyQuantile {
  private readonly counts = new Float64Array(BUCKETS);
  private total = 0;

  observe(latencyMs: number): void {
    const bucket = Math.ceil(Math.log(Math.max(latencyMs, FIRST_MS) / FIRST_MS) / Math.log(GROWTH));
    this.counts[Math.min(bucket, BUCKETS - 1)]!++;
    this.total++;
  }

  /** Called once a second. */
  forget(): void {
    this.total = 0;
    for (let i = 0; i < BUCKETS; i++) this.total += this.counts[i]! *= KEPT_EACH_SECOND;
  }

  /** In milliseconds, rounded up to the end of a bucket; undefined while there are too few answers. `share`: 0.95 for the 95th percentile. */
  at(share: number): number | undefined {
    if (this.total < LEAST) return undefined;
    let left = this.total * share;
    for (let i = 0; i < BUCKETS; i++) {
      left -= this.counts[i]!;
      if (left <= 0) return FIRST_MS * GROWTH ** i;
    }
    return FIRST_MS * GROWTH ** (BUCKETS - 1);
  }
}
