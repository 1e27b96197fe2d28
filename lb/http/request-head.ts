import {
  CONNECTION_CLOSE,
  CONNECTION_KEEP_ALIVE,
  CONNECTION_UPGRADE,
  Fields,
  INCOMPLETE,
  MALFORMED,
  TOO_MANY_FIELDS,
} from './fields.ts';
import {
  COLON,
  CR,
  equalsIgnoreCase,
  HEX,
  LF,
  parseDecimal,
  REG_NAME,
  SLASH,
  SP,
  STAR,
  TARGET,
  TOKEN,
} from './grammar.ts';

/** Why a request is refused without a backend: the status of the answer, and the label of the metric. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

const BAD: Refusal = { status: 400, reason: 'malformed' };
const BAD_FRAMING: Refusal = { status: 400, reason: 'ambiguous-length' };
const BAD_HOST: Refusal = { status: 400, reason: 'bad-host' };
const UNKNOWN_CODING: Refusal = { status: 501, reason: 'unknown-transfer-coding' };
const CONNECT: Refusal = { status: 501, reason: 'connect' };
const UNKNOWN_METHOD: Refusal = { status: 501, reason: 'unknown-method' };
const MISDIRECTED: Refusal = { status: 421, reason: 'misdirected' };
const UNSUPPORTED_VERSION: Refusal = { status: 505, reason: 'http-version' };
export const HEAD_TOO_LARGE: Refusal = { status: 431, reason: 'headers-too-large' };

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS' | 'other';

const ZERO = 0x30;
const METHODS: readonly Method[] = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'];

/**
 * One request head, as positions in the buffer it was read from; one object serves a whole process. `parse` settles everything that
 * RFC 9112 leaves to the receiver: what is forwarded has exactly one reading. docs/framing.md has every verdict.
 */
export class RequestHead {
  readonly fields = new Fields();
  method: Method = 'other';
  methodStart = 0;
  methodEnd = 0;
  /** The target in origin form (or `*`); for an absolute target its path and query. Empty path: write `/`. */
  targetStart = 0;
  targetEnd = 0;
  /** Where `?` stands, or targetEnd. */
  pathEnd = 0;
  /** The authority: of an absolute target, else of `Host`. Empty for an HTTP/1.0 request without one. */
  hostStart = 0;
  hostEnd = 0;
  /** HTTP/1.0. */
  isOld = false;
  /** Bytes of the body; -1 when chunked. */
  contentLength = 0;
  keepAlive = true;
  /** In lower case, the protocol that the server may switch to: `websocket`, one that a route allows, or '' for none. */
  upgrade = '';
  /** The client asks for a protocol that only a route can allow; index of its field, or -1. */
  upgradeField = -1;
  /** `Expect: 100-continue`: the client waits for the server's word before it sends the body. */
  expectsContinue = false;
  refusal: Refusal | undefined;
  /** `Host` is not among the fields to forward and has to be written. */
  writesHost = false;
  private connectionOptions = 0;
  private isAbsolute = false;
  private sawLength = false;

  /**
   * Parses the head at [start, end), and puts its fields about the body's length into their plainest form, in place. Returns the position
   * after it, INCOMPLETE, or MALFORMED with `refusal` set. Fields that must not be forwarded are marked dropped: hop-by-hop ones, and the
   * `Forwarded` and `X-Forwarded-*` that the client claims.
   */
  parse(bytes: Buffer, start: number, end: number): number {
    this.refusal = undefined;
    const line = this.parseRequestLine(bytes, start, end);
    if (line <= 0) return line;
    const headEnd = this.fields.parse(bytes, line, end);
    if (headEnd === INCOMPLETE) return INCOMPLETE;
    if (headEnd === MALFORMED) return this.refuse(BAD);
    if (headEnd === TOO_MANY_FIELDS) return this.refuse(HEAD_TOO_LARGE);
    return this.interpret(bytes) ? headEnd : MALFORMED;
  }

  get hasBody(): boolean {
    return this.contentLength !== 0;
  }

  private refuse(refusal: Refusal): number {
    this.refusal = refusal;
    return MALFORMED;
  }

  private parseRequestLine(bytes: Buffer, start: number, end: number): number {
    let i = start;
    this.methodStart = i;
    let hasLowerCase = false;
    for (; i < end && TOKEN[bytes[i]!] === 1; i++) if (bytes[i]! >= 0x61 && bytes[i]! <= 0x7a) hasLowerCase = true;
    if (i >= end) return INCOMPLETE;
    if (i === start || bytes[i] !== SP) return this.refuse(BAD);
    // Methods differ by case, but not every server knows: `head` taken for HEAD answers without the body that is waited for.
    if (hasLowerCase) return this.refuse(UNKNOWN_METHOD);
    this.methodEnd = i++;
    const target = i;
    while (i < end && TARGET[bytes[i]!] === 1) i++;
    if (i >= end) return INCOMPLETE;
    if (i === target || bytes[i] !== SP) return this.refuse(BAD);
    this.targetStart = target;
    this.targetEnd = i++;
    // "HTTP/1.1" CR LF
    if (i + 10 > end) return INCOMPLETE;
    if (
      bytes[i] !== 0x48 ||
      bytes[i + 1] !== 0x54 ||
      bytes[i + 2] !== 0x54 ||
      bytes[i + 3] !== 0x50 ||
      bytes[i + 4] !== SLASH ||
      bytes[i + 6] !== 0x2e ||
      bytes[i + 8] !== CR ||
      bytes[i + 9] !== LF
    ) {
      return this.refuse(BAD);
    }
    if (bytes[i + 5] !== 0x31 || (bytes[i + 7] !== 0x30 && bytes[i + 7] !== 0x31))
      return this.refuse(UNSUPPORTED_VERSION);
    this.isOld = bytes[i + 7] === 0x30;
    const lineEnd = i + 10;
    return this.interpretTarget(bytes) ? lineEnd : MALFORMED;
  }

  private interpretTarget(bytes: Buffer): boolean {
    this.method = this.knownMethod(bytes);
    this.isAbsolute = false;
    if (
      this.method === 'other' &&
      this.methodEnd - this.methodStart === 7 &&
      bytes.latin1Slice(this.methodStart, this.methodEnd) === 'CONNECT'
    ) {
      return this.refuse(CONNECT) > 0;
    }
    if (bytes[this.targetStart] !== SLASH) {
      const isStar = this.targetEnd - this.targetStart === 1 && bytes[this.targetStart] === STAR;
      if (isStar ? this.method !== 'OPTIONS' : !this.splitAbsolute(bytes)) {
        this.refusal ??= BAD;
        return false;
      }
    }
    let i = this.targetStart;
    while (i < this.targetEnd && bytes[i] !== 0x3f) i++;
    this.pathEnd = i;
    return true;
  }

  /** `http://host/path`: RFC 9112 §3.2.2 has the authority of the target replace `Host`. */
  private splitAbsolute(bytes: Buffer): boolean {
    const scheme = bytes.latin1Slice(this.targetStart, Math.min(this.targetStart + 8, this.targetEnd)).toLowerCase();
    // RFC 9110 §7.4: not over a connection without TLS.
    if (scheme === 'https://') return this.refuse(MISDIRECTED) > 0;
    if (!scheme.startsWith('http://')) return false;
    let i = this.targetStart + 'http://'.length;
    this.hostStart = i;
    while (i < this.targetEnd && bytes[i] !== SLASH && bytes[i] !== 0x3f) i++;
    this.hostEnd = i;
    this.isAbsolute = true;
    this.targetStart = i;
    return this.hostEnd > this.hostStart && isAuthority(bytes, this.hostStart, this.hostEnd);
  }

  private knownMethod(bytes: Buffer): Method {
    // The first byte and the length tell the known ones apart, so at most one comparison follows.
    const length = this.methodEnd - this.methodStart;
    for (const method of METHODS) {
      if (method.length !== length || method.charCodeAt(0) !== bytes[this.methodStart]) continue;
      let i = 1;
      while (i < length && bytes[this.methodStart + i] === method.charCodeAt(i)) i++;
      if (i === length) return method;
    }
    return 'other';
  }

  private interpret(bytes: Buffer): boolean {
    const { fields } = this;
    this.contentLength = 0;
    this.connectionOptions = 0;
    this.sawLength = false;
    this.upgrade = '';
    this.upgradeField = -1;
    this.expectsContinue = false;
    let isChunked = false;
    let hosts = 0;
    let upgrade = -1;
    for (let i = 0; i < fields.count; i++) {
      const nameStart = fields.nameStart(i);
      // Length and first letter rule out nearly every field before a comparison of names.
      switch (((fields.nameEnd(i) - nameStart) << 8) | (bytes[nameStart]! | 0x20)) {
        case (4 << 8) | 0x68: // host
          if (!fields.nameIs(bytes, i, 'host')) break;
          hosts++;
          if (!isAuthority(bytes, fields.valueStart(i), fields.valueEnd(i))) return this.refuse(BAD_HOST) > 0;
          if (this.isAbsolute) {
            fields.dropped[i] = 1;
            break;
          }
          this.hostStart = fields.valueStart(i);
          this.hostEnd = fields.valueEnd(i);
          break;
        case (10 << 8) | 0x63: // connection
          if (fields.nameIs(bytes, i, 'connection')) this.connectionOptions |= fields.applyConnection(bytes, i);
          break;
        case (14 << 8) | 0x63: // content-length
          if (!fields.nameResembles(bytes, i, 'content-length')) break;
          if (!this.takeLength(bytes, i)) return this.refuse(BAD_FRAMING) > 0;
          break;
        case (17 << 8) | 0x74: // transfer-encoding
          if (!fields.nameResembles(bytes, i, 'transfer-encoding')) break;
          if (isChunked || this.isOld || !fields.nameIs(bytes, i, 'transfer-encoding'))
            return this.refuse(BAD_FRAMING) > 0;
          if (!equalsIgnoreCase(bytes, fields.valueStart(i), fields.valueEnd(i), 'chunked')) {
            return this.refuse(UNKNOWN_CODING) > 0;
          }
          isChunked = true;
          fields.canonicalise(bytes, i, 'Transfer-Encoding', fields.valueStart(i));
          bytes.latin1Write('chunked', fields.valueStart(i));
          break;
        case (6 << 8) | 0x65: // expect
          if (fields.nameIs(bytes, i, 'expect')) this.expectsContinue = true;
          break;
        case (7 << 8) | 0x75: // upgrade
          if (!fields.nameIs(bytes, i, 'upgrade')) break;
          fields.dropped[i] = 1;
          upgrade = i;
          break;
        case (10 << 8) | 0x65: // early-data (RFC 8470 §5.1): a client has no business to say it, a proxy is listened to
          if (fields.nameResembles(bytes, i, 'early-data')) fields.dropped[i] = 1;
          break;
        case (10 << 8) | 0x6b: // keep-alive
          if (fields.nameIs(bytes, i, 'keep-alive')) fields.dropped[i] = 1;
          break;
        case (16 << 8) | 0x70: // proxy-connection
          if (fields.nameIs(bytes, i, 'proxy-connection')) fields.dropped[i] = 1;
          break;
        case (2 << 8) | 0x74: // te
          if (fields.nameIs(bytes, i, 'te')) fields.dropped[i] = 1;
          break;
        case (15 << 8) | 0x78: // x-forwarded-for
          if (fields.nameIs(bytes, i, 'x-forwarded-for')) fields.dropped[i] = 1;
          break;
        case (17 << 8) | 0x78: // x-forwarded-proto
          if (fields.nameIs(bytes, i, 'x-forwarded-proto')) fields.dropped[i] = 1;
          break;
        case (16 << 8) | 0x78: // x-forwarded-host, x-forwarded-port
          if (fields.nameIs(bytes, i, 'x-forwarded-host') || fields.nameIs(bytes, i, 'x-forwarded-port')) {
            fields.dropped[i] = 1;
          }
          break;
        case (9 << 8) | 0x66: // forwarded
          if (fields.nameIs(bytes, i, 'forwarded')) fields.dropped[i] = 1;
          break;
      }
    }
    if (isChunked) {
      if (this.sawLength) return this.refuse(BAD_FRAMING) > 0;
      this.contentLength = -1;
    }
    if (!this.settleHost(hosts)) return this.refuse(BAD_HOST) > 0;
    if (this.isAbsolute && this.targetStart === this.targetEnd && this.method === 'OPTIONS') this.makeStar(bytes);
    const options = this.connectionOptions;
    this.keepAlive = (options & CONNECTION_CLOSE) === 0 && (!this.isOld || (options & CONNECTION_KEEP_ALIVE) !== 0);
    if (upgrade >= 0 && (options & CONNECTION_UPGRADE) !== 0 && !this.isOld && this.contentLength === 0) {
      this.takeUpgrade(bytes, upgrade);
    }
    return true;
  }

  /** What follows a body could not be told from it (RFC 9110 §7.8), so there is none here. */
  private takeUpgrade(bytes: Buffer, field: number): void {
    const { fields } = this;
    if (!equalsIgnoreCase(bytes, fields.valueStart(field), fields.valueEnd(field), 'websocket')) {
      this.upgradeField = field;
    } else if (this.method === 'GET') {
      this.upgrade = 'websocket';
      fields.dropped[field] = 0;
    }
  }

  /** Lets the server switch to the protocol that the client asks for, if it is one of these; they are in lower case. */
  allowUpgrade(bytes: Buffer, protocols: ReadonlySet<string>): void {
    const { fields, upgradeField: field } = this;
    if (field < 0) return;
    const asked = bytes.latin1Slice(fields.valueStart(field), fields.valueEnd(field)).toLowerCase();
    if (!protocols.has(asked)) return;
    this.upgrade = asked;
    fields.dropped[field] = 0;
  }

  /** RFC 9112 §3.2.4: what an absolute target without a path is to OPTIONS. */
  private makeStar(bytes: Buffer): void {
    this.targetStart = this.methodEnd + 1;
    this.targetEnd = this.targetStart + 1;
    this.pathEnd = this.targetEnd;
    bytes[this.targetStart] = STAR;
  }

  private takeLength(bytes: Buffer, i: number): boolean {
    const { fields } = this;
    if (this.sawLength || !fields.nameIs(bytes, i, 'content-length')) return false;
    this.sawLength = true;
    const end = fields.valueEnd(i);
    let start = fields.valueStart(i);
    this.contentLength = parseDecimal(bytes, start, end);
    if (this.contentLength < 0) return false;
    while (start < end - 1 && bytes[start] === ZERO) start++;
    fields.canonicalise(bytes, i, 'Content-Length', start);
    return true;
  }

  /** RFC 9112 §3.2: exactly one `Host` in HTTP/1.1. */
  private settleHost(hosts: number): boolean {
    if (hosts > 1 || (hosts === 0 && !this.isOld)) return false;
    this.writesHost = this.isAbsolute || hosts === 0;
    if (this.isAbsolute) return true;
    if (hosts === 0) {
      this.hostStart = 0;
      this.hostEnd = 0;
    }
    return true;
  }
}

/** `host [ ":" port ]` of RFC 3986 §3.2, or nothing. User information (`@`) does not pass. */
function isAuthority(bytes: Uint8Array, start: number, end: number): boolean {
  let i = start;
  if (bytes[start] === 0x5b) {
    i++;
    while (i < end && (HEX[bytes[i]!] === 1 || bytes[i] === COLON || bytes[i] === 0x2e)) i++;
    if (i - start < 3 || i >= end || bytes[i++] !== 0x5d) return false;
  } else {
    for (; i < end && REG_NAME[bytes[i]!] === 1; i++) {
      if (bytes[i] === 0x25 && (i + 2 >= end || HEX[bytes[i + 1]!] !== 1 || HEX[bytes[i + 2]!] !== 1)) return false;
    }
  }
  if (i === end) return true;
  return i > start && bytes[i] === COLON && isPort(bytes, i + 1, end);
}

function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end) return true;
  return end - start <= 5 && parseDecimal(bytes, start, end) >= 0 && parseDecimal(bytes, start, end) <= 65_535;
}
