import { copyBytes } from '../net/copy-bytes.ts';

export type HelloVerdict =
  /** More bytes are needed. */
  | { readonly kind: 'incomplete' }
  /** A whole ClientHello, with the name that it asks for in lower case; '' where it names none, or the client speaks no TLS. */
  | { readonly kind: 'name'; readonly name: string }
  /** It looks like TLS, and is none that a server would accept. */
  | { readonly kind: 'malformed' };

const INCOMPLETE: HelloVerdict = { kind: 'incomplete' };
const MALFORMED: HelloVerdict = { kind: 'malformed' };
const NO_NAME: HelloVerdict = { kind: 'name', name: '' };

const RECORD_HANDSHAKE = 22;
const RECORD_HEAD_BYTES = 5;
/** RFC 8446 §5.1: a plaintext record holds no more. */
const MAX_RECORD_BYTES = 1 << 14;
const CLIENT_HELLO = 1;
const MESSAGE_HEAD_BYTES = 4;
/** Real ones have 200 to 2,000 bytes, a few KB with post-quantum keys and tickets. */
const MAX_HELLO_BYTES = 1 << 14;
const EXTENSION_SERVER_NAME = 0;
const HOST_NAME = 0;
/** What resolvers and certificates bear; in particular no NUL and no colon, which would end the name in the eyes of others. */
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/;
const MAX_NAME_BYTES = 255;

/**
 * Finds the server name (RFC 6066 §3) in the first bytes of a TLS connection, without answering them. Takes the bytes in pieces of any
 * size, also when the message itself is cut over records; each byte is looked at once.
 */
export class ClientHelloReader {
  /** The head of the record that is being read, and of the message. */
  private readonly record = Buffer.alloc(RECORD_HEAD_BYTES);
  private recordHead = 0;
  private recordLeft = 0;
  private message: Buffer | undefined = undefined;
  private messageLength = 0;
  private readonly messageHead = Buffer.alloc(MESSAGE_HEAD_BYTES);

  /** Looks at [from, to), which follow the bytes of the calls before. Not to be called again after another verdict than `incomplete`. */
  push(bytes: Buffer, from: number, to: number): HelloVerdict {
    for (let at = from; at < to; ) {
      if (this.recordLeft === 0) {
        this.record[this.recordHead++] = bytes[at++]!;
        const verdict = this.checkRecordHead();
        if (verdict !== undefined) return verdict;
        continue;
      }
      const end = Math.min(to, at + this.recordLeft);
      this.recordLeft -= end - at;
      const verdict = this.take(bytes, at, end);
      if (verdict !== undefined) return verdict;
      at = end;
    }
    return INCOMPLETE;
  }

  private checkRecordHead(): HelloVerdict | undefined {
    const { record, recordHead } = this;
    if (recordHead === 1) {
      if (record[0] === RECORD_HANDSHAKE) return undefined;
      return this.messageLength === 0 ? NO_NAME : MALFORMED;
    }
    // Every version so far says 3 here (RFC 8446 §5.1). SSH, SMTP and the like have gone above.
    if (recordHead === 2 && record[1] !== 3) return MALFORMED;
    if (recordHead < RECORD_HEAD_BYTES) return undefined;
    this.recordHead = 0;
    this.recordLeft = record.readUInt16BE(3);
    // §5.1: no empty fragments of handshake messages.
    return this.recordLeft === 0 || this.recordLeft > MAX_RECORD_BYTES ? MALFORMED : undefined;
  }

  /** A part of the message. */
  private take(bytes: Buffer, from: number, to: number): HelloVerdict | undefined {
    let at = from;
    while (this.message === undefined && at < to) {
      this.messageHead[this.messageLength++] = bytes[at++]!;
      if (this.messageLength < MESSAGE_HEAD_BYTES) continue;
      const length = this.messageHead.readUIntBE(1, 3);
      if (this.messageHead[0] !== CLIENT_HELLO || length > MAX_HELLO_BYTES) return MALFORMED;
      this.message = Buffer.allocUnsafe(length);
      this.messageLength = 0;
    }
    const { message } = this;
    if (message === undefined) return undefined;
    const end = Math.min(to, at + message.length - this.messageLength);
    this.messageLength = copyBytes(bytes, at, end, message, this.messageLength);
    return this.messageLength === message.length ? readHello(message) : undefined;
  }
}

/** RFC 8446 §4.1.2, and the same for TLS 1.0 to 1.2 (RFC 5246 §7.4.1.2). */
function readHello(hello: Buffer): HelloVerdict {
  let at = 2 + 32; // legacy_version, random
  at = skip(hello, at, 1, 0, 32); // session id
  at = skip(hello, at, 2, 2, 0xfffe); // cipher suites
  at = skip(hello, at, 1, 1, 0xff); // compression methods
  if (at < 0) return MALFORMED;
  if (at === hello.length) return NO_NAME; // no extensions: allowed up to TLS 1.2
  const end = skip(hello, at, 2, 0, 0xffff);
  if (end !== hello.length) return MALFORMED;
  let name: string | undefined;
  for (at += 2; at < end; ) {
    if (at + 4 > end) return MALFORMED;
    const type = hello.readUInt16BE(at);
    const next = skip(hello, at + 2, 2, 0, 0xffff);
    if (next < 0) return MALFORMED;
    if (type === EXTENSION_SERVER_NAME) {
      // §4.2: one of each type.
      const found = name === undefined ? readServerName(hello, at + 4, next) : undefined;
      if (found === undefined) return MALFORMED;
      name = found;
    }
    at = next;
  }
  return name === undefined ? NO_NAME : { kind: 'name', name };
}

/** Undefined for what is no list with exactly one host name. */
function readServerName(hello: Buffer, from: number, to: number): string | undefined {
  if (to - from < 5 || from + 2 + hello.readUInt16BE(from) !== to || hello[from + 2] !== HOST_NAME) return undefined;
  if (skip(hello, from + 3, 2, 1, MAX_NAME_BYTES) !== to) return undefined;
  const name = hello.latin1Slice(from + 5, to);
  return NAME.test(name) ? name.toLowerCase() : undefined;
}

/** The end of a vector with a length of `width` bytes at `at`; -1 when it reaches past the message or its length is out of bounds. */
function skip(hello: Buffer, at: number, width: 1 | 2, least: number, most: number): number {
  if (at < 0 || at + width > hello.length) return -1;
  const length = hello.readUIntBE(at, width);
  const end = at + width + length;
  return length < least || length > most || end > hello.length ? -1 : end;
}
