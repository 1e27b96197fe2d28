import type { Exhausted } from './metrics/exhausted.ts';
import type { Expirable } from './timeout-list.ts';
import { WaitQueue } from './wait-queue.ts';

/** What may wait for a source port. */
export interface Waiter extends Expirable {
  /** When it first did; 0 if it has not. */
  waitsSinceMs: number;
}

export interface PortQueueOptions {
  readonly queue: number;
  readonly timeoutMs: number;
}

/** What found no source port waits here for one, first in first out; and what became of all that did is counted. */
export class PortQueue<T extends Waiter> {
  readonly outcomes: Exhausted = { otherServer: 0, queued: 0, queueTimeout: 0, refused: 0 };
  private readonly now: () => number;
  private readonly waiting: WaitQueue<T>;
  private timeoutMs: number;
  private isServing = false;

  constructor(now: () => number, { queue, timeoutMs }: PortQueueOptions) {
    this.now = now;
    this.waiting = new WaitQueue({ most: queue, timeoutMs });
    this.timeoutMs = timeoutMs;
  }

  /** From now on, and for those that wait. */
  configure({ queue, timeoutMs }: PortQueueOptions): void {
    this.waiting.configure({ most: queue, timeoutMs }, this.now());
    this.timeoutMs = timeoutMs;
  }

  get length(): number {
    return this.waiting.length;
  }

  /** `timeout`: it had its turn, the kernel refused every port that was tried, and its time is over. */
  add(item: T): 'waits' | 'full' | 'timeout' {
    const now = this.now();
    if (item.waitsSinceMs > 0) {
      if (now - item.waitsSinceMs >= this.timeoutMs) {
        this.outcomes.queueTimeout++;
        return 'timeout';
      }
      this.waiting.putBack(item, item.waitsSinceMs);
    } else if (this.waiting.isFull) {
      this.outcomes.refused++;
      return 'full';
    } else {
      item.waitsSinceMs = now;
      this.outcomes.queued++;
      this.waiting.push(item, now);
    }
    return 'waits';
  }

  /** Nothing happens for one that does not wait here. */
  remove(item: T): void {
    this.waiting.remove(item);
  }

  /**
   * As long as there is `room` for the first, it leaves, and `give` takes it there; false ends the turn. What is done to one at once may
   * make room, too: the loop that runs already sees it.
   */
  serve<R>(room: (item: T) => R | undefined, give: (item: T, to: R) => boolean): void {
    if (this.waiting.length === 0 || this.isServing) return;
    this.isServing = true;
    for (let { first } = this.waiting; first !== undefined; first = this.waiting.first) {
      const to = room(first);
      if (to === undefined) break;
      this.waiting.shift();
      if (!give(first, to)) break;
    }
    this.isServing = false;
  }

  /** Called every few milliseconds; those whose time is over hear of it by `onTimeout`. */
  expire(nowMs: number): void {
    this.waiting.expire(nowMs);
  }
}
