import type { HeldPacket, PacketQueue } from '../netlink/packet-queue.ts';
import { MARK_LAST, MARK_RETRY } from './nat-chains.ts';

interface Waiting {
  readonly id: number;
  /** Readings that had begun when it came. */
  readonly begun: number;
  /** A ticket was thought to be there for it, and it got none. */
  readonly isRetry: boolean;
}

/**
 * First packets for which there was no port when they came. The kernel keeps them until the connection tracking table has been read once
 * more: ports come back at any moment, and here that is known a reading later only.
 */
export class WaitingRoom {
  private waiting: Waiting[] = [];

  /** `begun`: how many readings have begun. */
  add({ id, mark }: HeldPacket, begun: number): void {
    this.waiting.push({ id, begun, isRetry: mark === MARK_RETRY });
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** `open`: how many find a port; `done`: the last reading that has ended. Those that came before it began and find none are refused. */
  release(queue: Pick<PacketQueue, 'repeat'>, open: number, done: number): void {
    let left = open;
    const stay: Waiting[] = [];
    for (const each of this.waiting) {
      const isRead = each.begun < done;
      if (left > 0 && (isRead || !each.isRetry)) {
        left--;
        queue.repeat(each.id, isRead ? MARK_LAST : MARK_RETRY);
      } else if (isRead) queue.repeat(each.id, MARK_LAST);
      else stay.push(each);
    }
    this.waiting = stay;
  }
}
