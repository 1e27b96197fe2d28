import { Fields } from './fields.ts';

const MAX_TRAILER_BYTES = 8192;
const MAX_TRAILER_FIELDS = 64;
const NOTHING = Buffer.alloc(0);

/**
 * What RFC 9110 §6.5.1 keeps out of trailers: fields that frame or route the message, say who sends it or how to process it. A server
 * that adds trailers to the other fields would take a client's word for them.
 */
const NEVER_TRAILERS: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'cache-control',
  'connection',
  'cookie',
  'date',
  'expect',
  'expires',
  'forwarded',
  'host',
  'keep-alive',
  'location',
  'max-forwards',
  'pragma',
  'range',
  'retry-after',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'vary',
  'via',
  'www-authenticate',
]);
const NEVER_PREFIXES = ['content-', 'if-', 'proxy-', 'sec-', 'x-forwarded-'];

function isTrailer(name: string): boolean {
  // As in a head: what a server may take for the other is the other.
  const plain = name.toLowerCase().replaceAll('_', '-');
  return !NEVER_TRAILERS.has(plain) && !NEVER_PREFIXES.some((prefix) => plain.startsWith(prefix));
}

/** The trailer section of one chunked body, gathered byte by byte, since few messages have one. */
export class TrailerSection {
  /** The lines to forward, each with its CRLF; known once `end` has been called. */
  lines: Buffer = NOTHING;
  private readonly bytes: number[] = [];

  /** Returns false once it is too long. */
  push(byte: number): boolean {
    return this.bytes.push(byte) <= MAX_TRAILER_BYTES;
  }

  /** After the empty line. Returns false unless the section is made of valid field lines. */
  end(): boolean {
    const bytes = Buffer.from(this.bytes);
    const fields = new Fields(MAX_TRAILER_FIELDS);
    if (fields.parse(bytes, 0, bytes.length) !== bytes.length) return false;
    for (let i = 0; i < fields.count; i++) {
      if (!isTrailer(bytes.latin1Slice(fields.nameStart(i), fields.nameEnd(i)))) fields.dropped[i] = 1;
    }
    this.lines = bytes.subarray(0, fields.copyKept(bytes, bytes.length, bytes, 0));
    return true;
  }

  /** Bytes so far; `lines` are no longer. */
  get length(): number {
    return this.bytes.length;
  }
}
