/** One moment of a pair: leases ever made, ports held. */
export interface FlowSample {
  readonly nowMs: number;
  readonly leases: number;
  readonly busy: number;
}

/**
 * Lease rate and hold time of one source towards one destination. All sums are over time with a weight that falls by e every time
 * constant, so the first seconds count in full and no start value has to be thought of.
 */
export class FlowEstimate {
  private readonly timeConstantMs: number;
  private last: FlowSample;
  private seconds = 0;
  private leases = 0;
  private departures = 0;
  private busySeconds = 0;

  constructor(first: FlowSample, timeConstantMs: number) {
    this.last = first;
    this.timeConstantMs = timeConstantMs;
  }

  add(sample: FlowSample): void {
    const { last } = this;
    const elapsedMs = sample.nowMs - last.nowMs;
    if (elapsedMs <= 0) return;
    this.last = sample;
    const leases = sample.leases - last.leases;
    // A plane is gone, with what it had counted and what it had open: nothing of this step can be told apart.
    if (leases < 0) return;
    const keep = Math.exp(-elapsedMs / this.timeConstantMs);
    this.seconds = this.seconds * keep + elapsedMs / 1000;
    this.leases = this.leases * keep + leases;
    this.departures = this.departures * keep + Math.max(0, leases - (sample.busy - last.busy));
    this.busySeconds = this.busySeconds * keep + ((last.busy + sample.busy) / 2) * (elapsedMs / 1000);
  }

  get busy(): number {
    return this.last.busy;
  }

  /** How much time the estimate rests on; never more than the time constant, by its weight. */
  get observedSeconds(): number {
    return this.seconds;
  }

  /** Per second. */
  get leaseRate(): number {
    return this.seconds === 0 ? 0 : this.leases / this.seconds;
  }

  /** Per second. */
  get departureRate(): number {
    return this.seconds === 0 ? 0 : this.departures / this.seconds;
  }

  get meanBusy(): number {
    return this.seconds === 0 ? this.last.busy : this.busySeconds / this.seconds;
  }
}

/** Little's law; Infinity where nothing departs. */
export function holdSecondsOf(meanBusy: number, departureRate: number): number {
  return departureRate <= 0 ? Number.POSITIVE_INFINITY : meanBusy / departureRate;
}
