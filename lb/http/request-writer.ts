import type { Arena } from '../net/arena.ts';
import { SLASH } from './grammar.ts';
import type { RequestHead } from './request-head.ts';

const VERSION = ' HTTP/1.1\r\n';
/** Room for what is added to a request besides the client's own bytes and `forwarded`. */
const ADDED_BYTES = 256;

/**
 * Writes the head for the server into `arena` from its offset on and returns the end, without committing it. `forwarded` is the client's
 * part of the `X-Forwarded-*` fields, up to and with `X-Forwarded-Host: `; `fallbackHost` stands in where an HTTP/1.0 client gave none.
 */
export function writeRequestHead(
  arena: Arena,
  head: RequestHead,
  bytes: Buffer,
  headEnd: number,
  forwarded: string,
  fallbackHost: string,
): number {
  const hostLength = head.hostEnd - head.hostStart;
  arena.reserve(headEnd - head.methodStart + forwarded.length + hostLength * 2 + fallbackHost.length + ADDED_BYTES);
  const { slab } = arena;
  let at = arena.offset;
  at += bytes.copy(slab, at, head.methodStart, head.methodEnd + 1);
  const first = bytes[head.targetStart];
  if (head.targetEnd === head.targetStart || (first !== SLASH && first !== 0x2a)) slab[at++] = SLASH;
  at += bytes.copy(slab, at, head.targetStart, head.targetEnd);
  at += slab.latin1Write(VERSION, at);
  // `Host` is among the kept fields but where the target was absolute, or where there is none.
  if (head.writesHost) {
    at += slab.latin1Write('Host: ', at);
    at += hostLength > 0 ? bytes.copy(slab, at, head.hostStart, head.hostEnd) : slab.latin1Write(fallbackHost, at);
    slab[at++] = 0x0d;
    slab[at++] = 0x0a;
  }
  at = head.fields.copyKept(bytes, headEnd, slab, at);
  at += slab.latin1Write(forwarded, at);
  at += bytes.copy(slab, at, head.hostStart, head.hostEnd);
  at += slab.latin1Write(head.isWebSocket ? '\r\nConnection: Upgrade\r\n\r\n' : '\r\n\r\n', at);
  return at;
}
