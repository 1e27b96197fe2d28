/** Something that waits in at most one TimeoutList. The fields belong to the list. */
export abstract class Expirable {
  timeoutList: TimeoutList | undefined = undefined;
  timeoutPrevious: Expirable | undefined = undefined;
  timeoutNext: Expirable | undefined = undefined;
  timeoutAtMs = 0;

  abstract onTimeout(): void;
}

/**
 * Timeouts that all last equally long: a list in order of arrival is then in order of expiry, so start and cancel cost a few
 * assignments where a timer each costs a microsecond. `expire` is called from one slow tick.
 */
export class TimeoutList {
  private durationMs: number;
  private head: Expirable | undefined;
  private tail: Expirable | undefined;

  /** A duration of 0 or Infinity never expires. */
  constructor(durationMs: number) {
    this.durationMs = durationMs;
  }

  /** From now on. Those that wait wait no longer than those to come; where nothing expires any more, they do not either. */
  setDuration(durationMs: number, nowMs: number): void {
    this.durationMs = durationMs;
    const isNever = durationMs === 0 || durationMs === Number.POSITIVE_INFINITY;
    for (let item = this.head; item !== undefined; ) {
      const next: Expirable | undefined = item.timeoutNext;
      if (isNever) this.cancel(item);
      else item.timeoutAtMs = Math.min(item.timeoutAtMs, nowMs + durationMs);
      item = next;
    }
  }

  /** The one that has waited for longest. */
  get first(): Expirable | undefined {
    return this.head;
  }

  /** Starts, or starts anew; an item that waits in another list leaves it. */
  start(item: Expirable, nowMs: number): void {
    item.timeoutList?.cancel(item);
    if (this.durationMs === 0 || this.durationMs === Number.POSITIVE_INFINITY) return;
    this.insert(item, nowMs + this.durationMs, undefined);
  }

  /** As if it had never been cancelled since `sinceMs`: looks for its place from the head on. */
  resume(item: Expirable, sinceMs: number): void {
    item.timeoutList?.cancel(item);
    if (this.durationMs === 0 || this.durationMs === Number.POSITIVE_INFINITY) return;
    const atMs = sinceMs + this.durationMs;
    let next = this.head;
    while (next !== undefined && next.timeoutAtMs < atMs) next = next.timeoutNext;
    this.insert(item, atMs, next);
  }

  private insert(item: Expirable, atMs: number, next: Expirable | undefined): void {
    const previous = next === undefined ? this.tail : next.timeoutPrevious;
    item.timeoutList = this;
    item.timeoutAtMs = atMs;
    item.timeoutPrevious = previous;
    item.timeoutNext = next;
    if (previous === undefined) this.head = item;
    else previous.timeoutNext = item;
    if (next === undefined) this.tail = item;
    else next.timeoutPrevious = item;
  }

  /** Only for an item of this list; `item.timeoutList?.cancel(item)` suits any. */
  cancel(item: Expirable): void {
    if (item.timeoutPrevious === undefined) this.head = item.timeoutNext;
    else item.timeoutPrevious.timeoutNext = item.timeoutNext;
    if (item.timeoutNext === undefined) this.tail = item.timeoutPrevious;
    else item.timeoutNext.timeoutPrevious = item.timeoutPrevious;
    item.timeoutList = undefined;
    item.timeoutPrevious = undefined;
    item.timeoutNext = undefined;
  }

  expire(nowMs: number): void {
    for (let item = this.head; item !== undefined && item.timeoutAtMs <= nowMs; item = this.head) {
      this.cancel(item);
      item.onTimeout();
    }
  }
}
