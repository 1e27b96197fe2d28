import { type Expirable, TimeoutList } from './timeout-list.ts';

/** A queue that stands for `intervalMs` has more arrivals than departures; then nobody waits longer than `targetMs`. */
export interface ShedOptions {
  /** 0: nobody is shed. */
  readonly targetMs: number;
  readonly intervalMs: number;
}

export interface WaitQueueOptions {
  readonly most: number;
  readonly timeoutMs: number;
  /** Absent: nobody is shed. */
  readonly shed?: ShedOptions;
}

/**
 * Those who wait for a connection, first in first out, each for no longer than the same time; they hear of its end by `onTimeout`.
 *
 * With `shed`, a queue that has not been empty for an interval lets go of all that have waited longer than the target: a server that is
 * given more than it can do is then given fresh requests, instead of only such whose clients are about to give up. A burst that is worked
 * off within the interval loses nobody. After CoDel (RFC 8289), with the rule of Facebook's Wangle: no control law, two numbers.
 */
export class WaitQueue<T extends Expirable> {
  length = 0;
  private options: WaitQueueOptions;
  private readonly onShed: ((item: T) => void) | undefined;
  private readonly list: TimeoutList;
  private standsSinceMs = 0;

  constructor(options: WaitQueueOptions, onShed?: (item: T) => void) {
    this.options = options;
    this.onShed = onShed;
    this.list = new TimeoutList(options.timeoutMs);
  }

  /** From now on. Those that wait already stay, however many they are. */
  configure(options: WaitQueueOptions, nowMs: number): void {
    this.options = options;
    this.list.setDuration(options.timeoutMs, nowMs);
  }

  get isFull(): boolean {
    return this.length >= this.options.most;
  }

  get first(): T | undefined {
    return this.list.first as T | undefined;
  }

  push(item: T, nowMs: number): void {
    if (this.length === 0) this.standsSinceMs = nowMs;
    this.list.start(item, nowMs);
    this.length++;
  }

  /** One that was shifted in vain takes its old place, and has waited since `sinceMs`. */
  putBack(item: T, sinceMs: number): void {
    this.list.resume(item, sinceMs);
    this.length++;
  }

  /** Nothing happens for one that does not wait here. */
  remove(item: T): void {
    if (item.timeoutList !== this.list) return;
    this.list.cancel(item);
    this.length--;
  }

  shift(): T | undefined {
    const { first } = this;
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Called every few milliseconds. */
  expire(nowMs: number): void {
    for (let { first } = this; first !== undefined && first.timeoutAtMs <= nowMs; first = this.first) {
      this.remove(first);
      first.onTimeout();
    }
    if (this.length > 0) this.shedOld(nowMs);
  }

  private shedOld(nowMs: number): void {
    const { shed, timeoutMs } = this.options;
    if (shed === undefined || shed.targetMs === 0 || nowMs - this.standsSinceMs < shed.intervalMs) return;
    // `timeoutAtMs` is a whole time-out after the beginning of the wait.
    const atMs = nowMs - shed.targetMs + timeoutMs;
    for (let { first } = this; first !== undefined && first.timeoutAtMs <= atMs; first = this.first) {
      this.remove(first);
      this.onShed?.(first);
    }
  }
}
