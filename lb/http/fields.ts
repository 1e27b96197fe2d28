import { copyBytes } from '../net/copy-bytes.ts';
import { COLON, COMMA, CR, equalsIgnoreCase, FIELD, HT, LF, PLAIN_NAME, SP, TOKEN } from './grammar.ts';

/** Verdicts of a head parser that are not the position after the head. */
export const INCOMPLETE = 0;
export const MALFORMED = -1;
export const TOO_MANY_FIELDS = -2;

/** What `limits.header_count` can allow at most. */
export const MAX_FIELDS = 1000;
const STRIDE = 4;
const DASH = 0x2d;
const UNDERSCORE = 0x5f;

/**
 * The field lines of one message head, as positions in the buffer that was parsed. One object is used for all heads of a process:
 * parsing allocates nothing.
 */
export class Fields {
  count = 0;
  /** Four positions a field: name start, name end, value start, value end (surrounding white space is outside). */
  private readonly positions: Int32Array;
  /** 1: this field is not forwarded. */
  readonly dropped: Uint8Array;
  private readonly capacity: number;

  constructor(capacity = MAX_FIELDS) {
    this.capacity = capacity;
    this.positions = new Int32Array(capacity * STRIDE);
    this.dropped = new Uint8Array(capacity);
  }

  nameStart(i: number): number {
    return this.positions[i * STRIDE]!;
  }
  nameEnd(i: number): number {
    return this.positions[i * STRIDE + 1]!;
  }
  valueStart(i: number): number {
    return this.positions[i * STRIDE + 2]!;
  }
  valueEnd(i: number): number {
    return this.positions[i * STRIDE + 3]!;
  }

  nameIs(bytes: Uint8Array, i: number, lowerCase: string): boolean {
    return equalsIgnoreCase(bytes, this.nameStart(i), this.nameEnd(i), lowerCase);
  }

  /**
   * As `nameIs`, with `_` for `-`: a server that turns names into variables, as CGI did, would read the one for the other.
   */
  nameResembles(bytes: Uint8Array, i: number, lowerCase: string): boolean {
    const start = this.nameStart(i);
    for (let k = 0; k < lowerCase.length; k++) {
      const byte = bytes[start + k]!;
      if ((byte === UNDERSCORE ? DASH : byte | 0x20) !== lowerCase.charCodeAt(k)) return false;
    }
    return this.nameEnd(i) - start === lowerCase.length;
  }

  /**
   * Rewrites a line in place, as long as before: the name as given, which differs from its own in case only, and spaces alone around
   * the value, which starts at `valueStart` from now on.
   */
  canonicalise(bytes: Buffer, i: number, name: string, valueStart: number): void {
    bytes.latin1Write(name, this.nameStart(i));
    bytes.fill(SP, this.nameEnd(i) + 1, valueStart);
    let end = this.valueEnd(i);
    while (bytes[end] !== CR) bytes[end++] = SP;
    this.positions[i * STRIDE + 2] = valueStart;
  }

  /** Index of the first field of that name, or -1. */
  find(bytes: Uint8Array, lowerCase: string): number {
    for (let i = 0; i < this.count; i++) if (this.nameIs(bytes, i, lowerCase)) return i;
    return -1;
  }

  /** Keeps every field of that name from being forwarded. */
  drop(bytes: Uint8Array, lowerCase: string): void {
    for (let i = 0; i < this.count; i++) if (this.nameIs(bytes, i, lowerCase)) this.dropped[i] = 1;
  }

  /** As `drop`, also of names that differ by `_` for `-`. */
  dropResembling(bytes: Uint8Array, lowerCase: string): void {
    for (let i = 0; i < this.count; i++) if (this.nameResembles(bytes, i, lowerCase)) this.dropped[i] = 1;
  }

  /** Keeps fields whose names are not of letters, digits and `-` alone from being forwarded. */
  dropUnusualNames(bytes: Uint8Array): void {
    for (let i = 0; i < this.count; i++) {
      const end = this.nameEnd(i);
      let at = this.nameStart(i);
      while (at < end && PLAIN_NAME[bytes[at]!] === 1) at++;
      if (at < end) this.dropped[i] = 1;
    }
  }

  /** The value as latin1 text. */
  value(bytes: Buffer, i: number): string {
    return bytes.latin1Slice(this.valueStart(i), this.valueEnd(i));
  }

  /**
   * Reads field lines from `start` to the empty line. Returns the position after that line, or INCOMPLETE, MALFORMED, TOO_MANY_FIELDS.
   * Strict as RFC 9112 §5 asks of a receiver that forwards: no space before the colon, no line folding, no bare CR or LF, no controls.
   */
  parse(bytes: Uint8Array, start: number, end: number): number {
    const { positions, dropped, capacity } = this;
    let count = 0;
    let i = start;
    for (;;) {
      if (i >= end) return INCOMPLETE;
      if (bytes[i] === CR) {
        if (i + 1 >= end) return INCOMPLETE;
        if (bytes[i + 1] !== LF) return MALFORMED;
        this.count = count;
        return i + 2;
      }
      if (count === capacity) return TOO_MANY_FIELDS;
      const at = count * STRIDE;
      positions[at] = i;
      const nameStart = i;
      while (i < end && TOKEN[bytes[i]!] === 1) i++;
      if (i >= end) return INCOMPLETE;
      if (bytes[i] !== COLON || i === nameStart) return MALFORMED;
      positions[at + 1] = i++;
      while (i < end && (bytes[i] === SP || bytes[i] === HT)) i++;
      positions[at + 2] = i;
      while (i < end && FIELD[bytes[i]!] === 1) i++;
      if (i + 1 >= end) return i < end && bytes[i] !== CR ? MALFORMED : INCOMPLETE;
      if (bytes[i] !== CR || bytes[i + 1] !== LF) return MALFORMED;
      let valueEnd = i;
      const valueStart = positions[at + 2]!;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HT)) valueEnd--;
      positions[at + 3] = valueEnd;
      dropped[count++] = 0;
      i += 2;
    }
  }

  /**
   * Copies the lines that are not dropped, each with its CRLF, to `into` at `offset`; returns the position after them. Neighbouring lines
   * go in one copy.
   */
  copyKept(bytes: Buffer, headEnd: number, into: Buffer, offset: number): number {
    const { count, positions, dropped } = this;
    const linesEnd = headEnd - 2;
    let at = offset;
    for (let i = 0; i < count; ) {
      if (dropped[i] === 1) {
        i++;
        continue;
      }
      const from = positions[i * STRIDE]!;
      while (i < count && dropped[i] === 0) i++;
      const to = i < count ? positions[i * STRIDE]! : linesEnd;
      at = copyBytes(bytes, from, to, into, at);
    }
    return at;
  }

  /**
   * Applies one `Connection` field: drops it and the fields that it names, and tells which of the options it knows are there.
   * What names the peer or delimits the message is never dropped so: a sender could make two readings of one message of it.
   */
  applyConnection(bytes: Uint8Array, index: number): number {
    this.dropped[index] = 1;
    let options = 0;
    const end = this.valueEnd(index);
    for (let i = this.valueStart(index); i < end; i++) {
      while (i < end && (bytes[i] === COMMA || bytes[i] === SP || bytes[i] === HT)) i++;
      const start = i;
      while (i < end && bytes[i] !== COMMA && bytes[i] !== SP && bytes[i] !== HT) i++;
      if (i === start) continue;
      if (equalsIgnoreCase(bytes, start, i, 'close')) options |= CONNECTION_CLOSE;
      else if (equalsIgnoreCase(bytes, start, i, 'keep-alive')) options |= CONNECTION_KEEP_ALIVE;
      else if (equalsIgnoreCase(bytes, start, i, 'upgrade')) options |= CONNECTION_UPGRADE;
      else this.dropNamed(bytes, start, i);
    }
    return options;
  }

  private dropNamed(bytes: Uint8Array, start: number, end: number): void {
    for (let i = 0; i < this.count; i++) {
      const nameStart = this.nameStart(i);
      if (this.nameEnd(i) - nameStart !== end - start) continue;
      if (this.nameIs(bytes, i, 'host') || this.nameIs(bytes, i, 'content-length')) continue;
      if (this.nameIs(bytes, i, 'transfer-encoding')) continue;
      let same = true;
      for (let k = 0; same && k < end - start; k++)
        same = (bytes[nameStart + k]! | 0x20) === (bytes[start + k]! | 0x20);
      if (same) this.dropped[i] = 1;
    }
  }
}

export const CONNECTION_CLOSE = 1;
export const CONNECTION_KEEP_ALIVE = 2;
export const CONNECTION_UPGRADE = 4;
