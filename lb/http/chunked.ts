import { CR, FIELD, HT, LF, SP } from './grammar.ts';
import { TrailerSection } from './trailer-section.ts';

/** Where in the chunked coding (RFC 9112 §7.1) the next byte belongs. */
type State =
  | 'size'
  | 'space'
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
/** Of all chunks of a body together: extensions have no use that we know of, and cost their sender next to nothing. */
const MAX_EXTENSION_BYTES = 16384;
const SEMICOLON = 0x3b;
const NOTHING = Buffer.alloc(0);

/** Follows one chunked body through reads that end anywhere. Strict: what is wrong in it ends the message. */
export class ChunkedReader {
  private state: State = 'size';
  private remaining = 0;
  private digits = 0;
  private extensionBytes = 0;
  private trailer: TrailerSection | undefined = undefined;
  /** Bytes of data seen: the length of the body without its framing. */
  dataBytes = 0;

  get isDone(): boolean {
    return this.state === 'done';
  }

  /** Once done: the trailer lines that may be passed on, each with its CRLF. */
  get trailerLines(): Buffer {
    return this.trailer?.lines ?? NOTHING;
  }

  /** What `trailerLines` can come to besides what is yet to be read. */
  get trailerBytes(): number {
    return this.trailer?.length ?? 0;
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
      case 'space':
        // White space may stand before an extension only.
        if (byte === SEMICOLON) this.state = 'extension';
        return byte === SEMICOLON || ((byte === SP || byte === HT) && ++this.extensionBytes <= MAX_EXTENSION_BYTES);
      case 'extension':
        if (byte === CR) this.state = 'size-lf';
        return byte === CR || (FIELD[byte] === 1 && ++this.extensionBytes <= MAX_EXTENSION_BYTES);
      case 'size-lf':
        this.state = this.remaining === 0 ? 'line-start' : 'data';
        return byte === LF;
      case 'data-cr':
        this.state = 'data-lf';
        return byte === CR;
      case 'data-lf':
        this.state = 'size';
        this.digits = 0;
        return byte === LF;
      case 'line-start':
        if (byte === CR) {
          this.state = 'last-lf';
          return this.trailer?.push(byte) ?? true;
        }
        this.trailer ??= new TrailerSection();
        this.state = 'trailer';
        return this.trailer.push(byte);
      case 'trailer':
        if (byte === CR) this.state = 'trailer-lf';
        return (byte === CR || FIELD[byte] === 1) && this.trailer!.push(byte);
      case 'trailer-lf':
        this.state = 'line-start';
        return byte === LF && this.trailer!.push(byte);
      case 'last-lf':
        this.state = 'done';
        return byte === LF && (this.trailer === undefined || (this.trailer.push(byte) && this.trailer.end()));
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
    this.state = byte === SEMICOLON ? 'extension' : 'space';
    return byte === SEMICOLON || byte === SP || byte === HT;
  }
}
