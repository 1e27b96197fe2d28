import {
  CONNECTION_CLOSE,
  CONNECTION_KEEP_ALIVE,
  CONNECTION_UPGRADE,
  Fields,
  INCOMPLETE,
  MALFORMED,
} from './fields.ts';
import { CR, equalsIgnoreCase, FIELD, HT, LF, parseDecimal, SP } from './grammar.ts';

/** How the end of an answer's body is found (RFC 9112 §6.3). */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

/**
 * One answer head of a server, as positions in the buffer it was read from; one object serves a whole process. Servers are not trusted:
 * an answer whose length has two readings is MALFORMED.
 */
export class ResponseHead {
  readonly fields = new Fields();
  status = 0;
  /** The status code and the reason, without `HTTP/1.x ` and CRLF. */
  statusStart = 0;
  statusEnd = 0;
  framing: Framing = 'none';
  contentLength = 0;
  /** The server keeps the connection after this answer. */
  keepAlive = true;
  /** It switches to another protocol. */
  isUpgrade = false;
  private upgradeField = -1;
  hasHopByHop = false;
  /** Index of the Content-Length field, or -1. */
  lengthField = -1;
  /** A space stands between status and reason, as it should even without a reason. */
  hasReason = true;
  /** Can go to an HTTP/1.1 client without a change of its status line or fields. */
  isVerbatim = true;
  private isOld = false;

  /**
   * Parses the head at [start, end); `toHead`: the request was a HEAD. Returns the position after it, INCOMPLETE, or MALFORMED (also for
   * too many fields).
   */
  parse(bytes: Buffer, start: number, end: number, toHead: boolean): number {
    const line = this.parseStatusLine(bytes, start, end);
    if (line <= 0) return line;
    const headEnd = this.fields.parse(bytes, line, end);
    if (headEnd <= 0) return headEnd === INCOMPLETE ? INCOMPLETE : MALFORMED;
    return this.interpret(bytes, toHead) ? headEnd : MALFORMED;
  }

  private parseStatusLine(bytes: Buffer, start: number, end: number): number {
    // "HTTP/1.1 200" and at least CR LF
    if (end - start < 14) return this.couldBeStatusLine(bytes, start, end) ? INCOMPLETE : MALFORMED;
    if (!this.couldBeStatusLine(bytes, start, start + 8) || bytes[start + 8] !== SP) return MALFORMED;
    this.isOld = bytes[start + 7] === 0x30;
    this.statusStart = start + 9;
    this.status = parseDecimal(bytes, start + 9, start + 12);
    if (this.status < 100 || this.status > 599) return MALFORMED;
    let i = start + 12;
    if (bytes[i] !== SP && bytes[i] !== CR) return MALFORMED;
    this.hasReason = bytes[i] === SP;
    this.isVerbatim = this.hasReason && !this.isOld;
    while (i < end && FIELD[bytes[i]!] === 1) i++;
    if (i + 1 >= end) return i < end && bytes[i] !== CR ? MALFORMED : INCOMPLETE;
    if (bytes[i] !== CR || bytes[i + 1] !== LF) return MALFORMED;
    this.statusEnd = i;
    return i + 2;
  }

  private couldBeStatusLine(bytes: Uint8Array, start: number, end: number): boolean {
    const length = Math.min(end - start, 7);
    for (let i = 0; i < length; i++) if (bytes[start + i] !== 'HTTP/1.'.charCodeAt(i)) return false;
    return end - start < 8 || bytes[start + 7] === 0x30 || bytes[start + 7] === 0x31;
  }

  private interpret(bytes: Buffer, toHead: boolean): boolean {
    const { fields } = this;
    let options = 0;
    let isChunked = false;
    this.lengthField = -1;
    this.contentLength = 0;
    this.hasHopByHop = false;
    let upgrade = -1;
    for (let i = 0; i < fields.count; i++) {
      const nameStart = fields.nameStart(i);
      switch (((fields.nameEnd(i) - nameStart) << 8) | (bytes[nameStart]! | 0x20)) {
        case (10 << 8) | 0x63: // connection
          if (!fields.nameIs(bytes, i, 'connection')) break;
          options |= fields.applyConnection(bytes, i);
          this.hasHopByHop = true;
          break;
        case (14 << 8) | 0x63: {
          // content-length
          if (!fields.nameIs(bytes, i, 'content-length')) break;
          if (this.lengthField >= 0) return false;
          this.lengthField = i;
          this.contentLength = parseDecimal(bytes, fields.valueStart(i), fields.valueEnd(i));
          if (this.contentLength < 0) return false;
          // Clients differ about a tab beside the digits.
          if (bytes[fields.valueEnd(i)] !== CR || bytes[fields.nameEnd(i) + 1] === HT)
            fields.canonicalise(bytes, i, 'Content-Length', fields.valueStart(i));
          break;
        }
        case (17 << 8) | 0x74: // transfer-encoding
          if (!fields.nameIs(bytes, i, 'transfer-encoding')) break;
          if (isChunked || this.isOld) return false;
          if (!equalsIgnoreCase(bytes, fields.valueStart(i), fields.valueEnd(i), 'chunked')) return false;
          isChunked = true;
          fields.dropped[i] = 1;
          this.hasHopByHop = true;
          break;
        case (10 << 8) | 0x6b: // keep-alive
          if (!fields.nameIs(bytes, i, 'keep-alive')) break;
          fields.dropped[i] = 1;
          this.hasHopByHop = true;
          break;
        case (16 << 8) | 0x70: // proxy-connection
          if (!fields.nameIs(bytes, i, 'proxy-connection')) break;
          fields.dropped[i] = 1;
          this.hasHopByHop = true;
          break;
        case (7 << 8) | 0x75: // upgrade
          if (!fields.nameIs(bytes, i, 'upgrade')) break;
          fields.dropped[i] = 1;
          this.hasHopByHop = true;
          upgrade = i;
          break;
      }
    }
    if (isChunked && this.lengthField >= 0) return false;
    this.upgradeField = upgrade;
    this.isUpgrade = this.status === 101 && upgrade >= 0 && (options & CONNECTION_UPGRADE) !== 0;
    this.keepAlive = (options & CONNECTION_CLOSE) === 0 && (!this.isOld || (options & CONNECTION_KEEP_ALIVE) !== 0);
    return this.settleFraming(isChunked, toHead);
  }

  /** `protocol` is in lower case. */
  switchesTo(bytes: Buffer, protocol: string): boolean {
    return this.isUpgrade && this.upgradeText(bytes).toLowerCase() === protocol;
  }

  /** The protocol, as the server wrote it. */
  upgradeText(bytes: Buffer): string {
    return bytes.latin1Slice(this.fields.valueStart(this.upgradeField), this.fields.valueEnd(this.upgradeField));
  }

  private settleFraming(isChunked: boolean, toHead: boolean): boolean {
    const { status } = this;
    if (status < 200 || status === 204) {
      // RFC 9110 §8.6 forbids a length here; a server that sends one may also send the body, which would be read as the next answer.
      if (this.contentLength > 0 || isChunked) return false;
      this.framing = 'none';
      if (this.lengthField >= 0) {
        this.fields.dropped[this.lengthField] = 1;
        this.isVerbatim = false;
      }
    } else if (toHead || status === 304) {
      this.framing = 'none';
    } else if (isChunked) {
      this.framing = 'chunked';
    } else if (this.lengthField >= 0) {
      this.framing = this.contentLength === 0 ? 'none' : 'length';
    } else {
      this.framing = 'close';
      this.keepAlive = false;
    }
    return true;
  }
}
