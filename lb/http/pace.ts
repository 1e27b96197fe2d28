/** A client may take so long before its pace counts: a slow start, a lost packet, or one full buffer says nothing. */
const GRACE_MS = 5000;

/**
 * Whether a client keeps up a lowest rate, on average over the time in which it was its turn. Time in which it had to wait for somebody
 * else does not count.
 */
export class Pace {
  private readonly bytesPerSecond: number;
  private bytes = 0;
  private spentMs = 0;
  /** Since when it is the client's turn; negative while it is not. */
  private sinceMs = -1;

  /** 0: any pace will do. */
  constructor(bytesPerSecond: number) {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** It is the client's turn, if it was not yet. */
  await(nowMs: number): void {
    if (this.sinceMs < 0) this.sinceMs = nowMs;
  }

  /** So much went on. */
  add(bytes: number): void {
    this.bytes += bytes;
  }

  /** The turn is over. Returns whether all turns together were fast enough. */
  settle(nowMs: number): boolean {
    if (this.sinceMs >= 0) this.spentMs += nowMs - this.sinceMs;
    this.sinceMs = -1;
    return this.bytes >= (this.bytesPerSecond * (this.spentMs - GRACE_MS)) / 1000;
  }
}
