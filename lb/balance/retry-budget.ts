/** Over how many seconds requests and retries are counted. */
const WINDOW_S = 10;

export interface RetryBudgetOptions {
  /** Retries allowed for each hundred requests. */
  readonly percent: number;
  /** Retries a second allowed besides: what little traffic there is may be retried. */
  readonly minPerSecond: number;
}

/**
 * Bounds retries to a share of the requests of the last ten seconds, as Finagle does. A server that is slow or ill gets more requests
 * by every retry; without a bound those make it worse, and keep it so.
 */
export class RetryBudget {
  private options: RetryBudgetOptions;
  private readonly requests = new Float64Array(WINDOW_S);
  private readonly retries = new Float64Array(WINDOW_S);
  private second = 0;
  private slot = 0;

  constructor(options: RetryBudgetOptions, nowMs: number) {
    this.options = options;
    this.second = Math.floor(nowMs / 1000);
  }

  /** From now on; what was counted is. */
  configure(options: RetryBudgetOptions): void {
    this.options = options;
  }

  onRequest(): void {
    this.requests[this.slot]!++;
  }

  onRetry(): void {
    this.retries[this.slot]!++;
  }

  /** Whether one more retry is within bounds. */
  get hasRoom(): boolean {
    const { percent, minPerSecond } = this.options;
    return sum(this.retries) + 1 <= (sum(this.requests) * percent) / 100 + minPerSecond * WINDOW_S;
  }

  /** Called more often than once a second. */
  tick(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    for (let steps = Math.min(WINDOW_S, second - this.second); steps > 0; steps--) {
      this.slot = (this.slot + 1) % WINDOW_S;
      this.requests[this.slot] = 0;
      this.retries[this.slot] = 0;
    }
    this.second = second;
  }
}

function sum(values: Float64Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}
