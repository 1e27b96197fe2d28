import { copyBytes } from '../net/copy-bytes.ts';
import type { Exchange } from './exchange.ts';
import { CR, LF, SLASH, STAR } from './grammar.ts';
import type { HeadBuffers } from './head-buffers.ts';
import type { RequestHead } from './request-head.ts';

const VERSION = ' HTTP/1.1\r\n';
/** Room for what is added to a request besides the client's own bytes and `forwarded`. */
const ADDED_BYTES = 256;

/**
 * Writes the head for the server into a buffer of `heads`, which becomes the exchange's until the exchange is over. `forwarded` is the client's part of the `X-Forwarded-*` fields, up to and
 * with `X-Forwarded-Host: `; `fallbackHost` stands in where an HTTP/1.0 client gave none.
 */
export function writeRequestHead(
  heads: HeadBuffers,
  exchange: Exchange,
  head: RequestHead,
  bytes: Buffer,
  headEnd: number,
  forwarded: string,
  fallbackHost: string,
): void {
  const hostLength = head.hostEnd - head.hostStart;
  const into = heads.take(
    headEnd - head.methodStart + forwarded.length + hostLength * 2 + fallbackHost.length + ADDED_BYTES,
  );
  let at = writeRequestLine(head, bytes, into);
  // `Host` is among the kept fields but where the target was absolute, or where there is none.
  if (head.writesHost) {
    at += into.latin1Write('Host: ', at);
    if (hostLength > 0) at = copyBytes(bytes, head.hostStart, head.hostEnd, into, at);
    else at += into.latin1Write(fallbackHost, at);
    into[at++] = CR;
    into[at++] = LF;
  }
  at = head.fields.copyKept(bytes, headEnd, into, at);
  at += into.latin1Write(forwarded, at);
  at = copyBytes(bytes, head.hostStart, head.hostEnd, into, at);
  if (head.upgrade !== '') at += into.latin1Write('\r\nConnection: Upgrade', at);
  into[at++] = CR;
  into[at++] = LF;
  into[at++] = CR;
  into[at++] = LF;
  exchange.head = into;
  exchange.headLength = at;
}

/** At the start of `into`; returns the end. */
function writeRequestLine(head: RequestHead, bytes: Buffer, into: Buffer): number {
  const { methodStart, methodEnd, targetStart, targetEnd } = head;
  const first = bytes[targetStart];
  // As it came, where that is how it goes on.
  if (first === SLASH && targetStart === methodEnd + 1 && !head.isOld)
    return copyBytes(bytes, methodStart, targetEnd + VERSION.length, into, 0);
  let at = copyBytes(bytes, methodStart, methodEnd + 1, into, 0);
  if (targetEnd === targetStart || (first !== SLASH && first !== STAR)) into[at++] = SLASH;
  at = copyBytes(bytes, targetStart, targetEnd, into, at);
  return at + into.latin1Write(VERSION, at);
}
