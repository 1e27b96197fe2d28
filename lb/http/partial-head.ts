import { appendBytes } from '../net/append-bytes.ts';
import { hasLineEnd } from './grammar.ts';

/** The start of a head that has not arrived whole. */
export class PartialHead {
  private bytes: Buffer | undefined = undefined;

  /**
   * What is kept with the first `length` bytes of `buffer` behind it, to be parsed; undefined when there is nothing new to parse: without a
   * line end nothing has been completed, and a head that comes byte by byte is not read anew for each of them.
   */
  join(buffer: Buffer, length: number, maxBytes: number): Buffer | undefined {
    const whole = appendBytes(this.bytes, buffer, 0, length);
    const isWorthIt = hasLineEnd(buffer, length) || whole.length > maxBytes;
    this.bytes = isWorthIt ? undefined : whole;
    return isWorthIt ? whole : undefined;
  }

  keep(bytes: Buffer, from: number, to: number): void {
    this.bytes = appendBytes(undefined, bytes, from, to);
  }

  drop(): void {
    this.bytes = undefined;
  }

  get length(): number {
    return this.bytes?.length ?? 0;
  }
}
