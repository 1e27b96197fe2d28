import { CR, FIELD, HT, LF, SP } from './grammar.ts';

/** Where in the chunked coding (RFC 9112 §7.1) the next byte belongs. */
type State =
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'line-start'
  | 'trailer'
  | 'trailer-lf'
  | 'last-lf'
  | 'done';

const MAX_SIZE_DIGITS = 8; // chunks below 4 GiB
const MAX_LINE_BYTES = 4096;
const MAX_TRAILER_BYTES = 16384;

/** Follows one chunked body through reads that end anywhere. Strict: what is wrong in it ends the message. */
export class ChunkedReader {
  private state: State = 'size';
  private remaining = 0;
  private digits = 0;
  private lineBytes = 0;
  private trailerBytes = 0;
  /** Bytes of data seen: the length of the body without its framing. */
  dataBytes = 0;

  get isDone(): boolean {
    return this.state === 'done';
  }

  /**
   * Reads [start, end). Returns the position after what belongs to this body (`end`, or less once `isDone`), or -1 for bad framing.
   * `onData`, where given, gets each run of data bytes.
   */
  read(bytes: Uint8Array, start: number, end: number, onData?: (from: number, to: number) => void): number {
    let i = start;
    while (i < end && this.state !== 'done') {
      if (this.state === 'data') {
        const take = Math.min(this.remaining, end - i);
        onData?.(i, i + take);
        this.dataBytes += take;
        this.remaining -= take;
        i += take;
        if (this.remaining === 0) this.state = 'data-cr';
      } else if (!this.step(bytes[i++]!)) {
        return -1;
      }
    }
    return i;
  }

  private step(byte: number): boolean {
    switch (this.state) {
      case 'size':
        return this.stepSize(byte);
      case 'extension':
        if (byte === CR) this.state = 'size-lf';
        else if (FIELD[byte] !== 1 || ++this.lineBytes > MAX_LINE_BYTES) return false;
        return true;
      case 'size-lf':
        this.state = this.remaining === 0 ? 'line-start' : 'data';
        return byte === LF;
      case 'data-cr':
        this.state = 'data-lf';
        return byte === CR;
      case 'data-lf':
        this.state = 'size';
        this.digits = 0;
        this.lineBytes = 0;
        return byte === LF;
      case 'line-start':
        // A field cannot start with white space: that would continue the line before it.
        if (byte === SP || byte === HT) return false;
        this.state = byte === CR ? 'last-lf' : 'trailer';
        return byte === CR || this.stepTrailer(byte);
      case 'trailer':
        if (byte === CR) this.state = 'trailer-lf';
        return byte === CR || this.stepTrailer(byte);
      case 'trailer-lf':
        this.state = 'line-start';
        return byte === LF;
      case 'last-lf':
        this.state = 'done';
        return byte === LF;
      default:
        return false;
    }
  }

  private stepSize(byte: number): boolean {
    const lower = byte | 0x20;
    const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
    if (digit >= 0) {
      if (++this.digits > MAX_SIZE_DIGITS) return false;
      this.remaining = (this.digits === 1 ? 0 : this.remaining * 16) + digit;
      return true;
    }
    if (this.digits === 0) return false;
    if (byte === CR) {
      this.state = 'size-lf';
      return true;
    }
    this.state = 'extension';
    return byte === 0x3b || byte === SP || byte === HT;
  }

  private stepTrailer(byte: number): boolean {
    return FIELD[byte] === 1 && ++this.trailerBytes <= MAX_TRAILER_BYTES;
  }
}
