import { TimeoutList } from '../timeout-list.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** An answer that its client does not take may hold its connection for so long while others wait for one. */
const STALLED_MS = 3000;

/** Connections to a server whose answer waits for its client, from the one that has waited for longest. */
export class StalledAnswers {
  count = 0;
  /** Never expired as such. */
  private readonly list = new TimeoutList(STALLED_MS);

  add(connection: UpstreamConnection, nowMs: number): void {
    if (connection.timeoutList !== this.list) this.count++;
    this.list.start(connection, nowMs);
  }

  remove(connection: UpstreamConnection): void {
    if (connection.timeoutList !== this.list) return;
    this.count--;
    this.list.cancel(connection);
  }

  has(connection: UpstreamConnection): boolean {
    return connection.timeoutList === this.list;
  }

  /** The clients of up to `most` of them go: somebody else needs the connections. */
  shed(most: number, nowMs: number): void {
    for (let left = most; left > 0; left--) {
      const first = this.list.first as UpstreamConnection | undefined;
      if (first === undefined || first.timeoutAtMs > nowMs) return;
      first.shedClient();
    }
  }
}
