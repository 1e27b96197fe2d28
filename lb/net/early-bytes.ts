import { copyBytes } from './copy-bytes.ts';

const FIRST_BYTES = 2048;

/** What a client has sent before a server is there to take it. */
export class EarlyBytes {
  private buffer: Buffer | undefined = undefined;
  private start = 0;
  private end = 0;

  get length(): number {
    return this.end - this.start;
  }

  append(bytes: Buffer, length: number): void {
    const needed = this.end + length;
    if (this.buffer === undefined || needed > this.buffer.length) {
      const bigger = Buffer.allocUnsafe(Math.max(FIRST_BYTES, 2 * needed));
      if (this.buffer !== undefined) copyBytes(this.buffer, 0, this.end, bigger, 0);
      this.buffer = bigger;
    }
    this.end = copyBytes(bytes, 0, length, this.buffer, this.end);
  }

  /** The first `length` bytes have been dealt with. */
  consume(length: number): void {
    this.start += length;
  }

  /** Valid until the next `append`. */
  view(): Buffer {
    return this.buffer?.subarray(this.start, this.end) ?? EMPTY;
  }
}

const EMPTY = Buffer.alloc(0);
