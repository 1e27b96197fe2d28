import { TimeoutList } from '../timeout-list.ts';
import type { Exchange } from './exchange.ts';

/**
 * Requests that wait for a connection, first in first out, each for no longer than the same time. The exchange hears of its end by
 * `onTimeout`.
 */
export class WaitQueue {
  length = 0;
  private readonly most: number;
  private readonly list: TimeoutList;

  constructor(options: { readonly most: number; readonly timeoutMs: number }) {
    this.most = options.most;
    this.list = new TimeoutList(options.timeoutMs);
  }

  get isFull(): boolean {
    return this.length >= this.most;
  }

  get first(): Exchange | undefined {
    return this.list.first as Exchange | undefined;
  }

  push(exchange: Exchange, nowMs: number): void {
    this.list.start(exchange, nowMs);
    this.length++;
  }

  /** One that was shifted in vain takes its old place, and has waited since `sinceMs`. */
  putBack(exchange: Exchange, sinceMs: number): void {
    this.list.resume(exchange, sinceMs);
    this.length++;
  }

  /** Nothing happens for one that does not wait here. */
  remove(exchange: Exchange): void {
    if (exchange.timeoutList !== this.list) return;
    this.list.cancel(exchange);
    this.length--;
  }

  shift(): Exchange | undefined {
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
