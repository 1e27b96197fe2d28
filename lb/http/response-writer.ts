import type { Arena } from '../net/arena.ts';
import { copyBytes } from '../net/copy-bytes.ts';
import type { ChunkedReader } from './chunked.ts';
import { rechunk, rechunkRoom } from './rechunk.ts';
import type { ResponseHead } from './response-head.ts';

/** How the body goes to the client: as it came; put into chunks; put into plain chunks anew; or taken out of them. */
export type BodyCoding = 'as-is' | 'encode' | 'rechunk' | 'decode';

const ADDED_BYTES = 128;
const CHUNK_OVERHEAD = 16;
const LAST_CHUNK = '0\r\n\r\n';

/**
 * Writes the answer's head into `arena` from its offset on, with `bodyRoom` after it; returns the end. `added`: lines for the answer, each
 * with its CRLF.
 */
export function writeResponseHead(
  arena: Arena,
  head: ResponseHead,
  bytes: Buffer,
  headEnd: number,
  isOldClient: boolean,
  closes: boolean,
  coding: BodyCoding,
  bodyRoom: number,
  added: string,
): number {
  const start = head.statusStart - 9;
  arena.reserve(headEnd - start + added.length + ADDED_BYTES + bodyRoom);
  const { slab, offset } = arena;
  if (!head.hasHopByHop && !closes && !isOldClient && coding === 'as-is' && head.isVerbatim) {
    return copyBytes(bytes, start, headEnd, slab, offset);
  }
  let at = offset;
  at += slab.latin1Write('HTTP/1.1 ', at);
  at = copyBytes(bytes, head.statusStart, head.statusEnd, slab, at);
  // RFC 9112 §4: the space stands even where no reason follows.
  at += slab.latin1Write(head.hasReason ? '\r\n' : ' \r\n', at);
  at = head.fields.copyKept(bytes, headEnd, slab, at);
  if (added !== '') at += slab.latin1Write(added, at);
  if (head.isUpgrade) at += slab.latin1Write(`Connection: Upgrade\r\nUpgrade: ${head.upgradeText(bytes)}\r\n`, at);
  else if (closes) at += slab.latin1Write('Connection: close\r\n', at);
  else if (isOldClient) at += slab.latin1Write('Connection: keep-alive\r\n', at);
  const isChunked = coding === 'encode' || coding === 'rechunk';
  at += slab.latin1Write(isChunked ? 'Transfer-Encoding: chunked\r\n\r\n' : '\r\n', at);
  return at;
}

/** Appends the part [from, to) of a body at `at`, for which there is room; returns the end. */
export function writeBodyPart(
  slab: Buffer,
  at: number,
  bytes: Buffer,
  from: number,
  to: number,
  isLast: boolean,
  coding: BodyCoding,
  decoder: ChunkedReader | undefined,
): number {
  let end = at;
  if (coding === 'as-is') {
    end = copyBytes(bytes, from, to, slab, end);
  } else if (coding === 'rechunk') {
    end = rechunk(decoder!, bytes, from, to, slab, end, 'keep').end;
  } else if (coding === 'decode') {
    decoder!.read(bytes, from, to, (dataFrom, dataTo) => {
      end = copyBytes(bytes, dataFrom, dataTo, slab, end);
    });
  } else {
    if (to > from) {
      end += slab.latin1Write(`${(to - from).toString(16)}\r\n`, end);
      end = copyBytes(bytes, from, to, slab, end);
      end += slab.latin1Write('\r\n', end);
    }
    if (isLast) end += slab.latin1Write(LAST_CHUNK, end);
  }
  return end;
}

/**
 * Writes an interim answer (RFC 9110 §15.2) with what its server may say to the client. Returns the end; nothing follows a head without
 * content.
 */
export function writeInterimHead(arena: Arena, head: ResponseHead, bytes: Buffer, headEnd: number): number {
  return writeResponseHead(arena, head, bytes, headEnd, false, false, 'as-is', 0, '');
}

/** Room that `writeBodyPart` may need for `bytes` bytes. */
export function bodyPartRoom(bytes: number, decoder: ChunkedReader | undefined): number {
  return decoder === undefined ? bytes + CHUNK_OVERHEAD * 2 : rechunkRoom(decoder, bytes);
}
