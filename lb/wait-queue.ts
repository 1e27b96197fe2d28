import { type Expirable, TimeoutList } from './timeout-list.ts';

/** Those who wait for a connection, first in first out, each for no longer than the same time; they hear of its end by `onTimeout`. */
export class WaitQueue<T extends Expirable> {
  length = 0;
  private most: number;
  private readonly list: TimeoutList;

  constructor(options: { readonly most: number; readonly timeoutMs: number }) {
    this.most = options.most;
    this.list = new TimeoutList(options.timeoutMs);
  }

  /** From now on. Those that wait already stay, however many they are. */
  configure({ most, timeoutMs }: { readonly most: number; readonly timeoutMs: number }, nowMs: number): void {
    this.most = most;
    this.list.setDuration(timeoutMs, nowMs);
  }

  get isFull(): boolean {
    return this.length >= this.most;
  }

  get first(): T | undefined {
    return this.list.first as T | undefined;
  }

  push(item: T, nowMs: number): void {
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

  expire(nowMs: number): void {
    for (let { first } = this; first !== undefined && first.timeoutAtMs <= nowMs; first = this.first) {
      this.remove(first);
      first.onTimeout();
    }
  }
}
