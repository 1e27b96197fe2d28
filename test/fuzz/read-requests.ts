import { ChunkedReader } from '../../lb/http/chunked.ts';
import { RequestHead } from '../../lb/http/request-head.ts';

/** What one request says, to whoever reads it. */
export interface Reading {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly body: string;
}

export interface Stream {
  readonly requests: readonly Reading[];
  /** For each of them: the name of a field has more than letters, digits and `-`. */
  readonly haveUnusualNames: readonly boolean[];
  /** The status with which the next is refused; undefined when the bytes end before. */
  readonly refused: number | undefined;
  /** Nothing after the last request is read. */
  readonly ends: boolean;
  /** After them comes one whose body is broken or does not end: a server may have refused it by its head. */
  readonly hasOpenBody: boolean;
}

const MAX_FIELDS = 128;

/** What the front makes of the bytes of a connection, by its own parsers, without sockets or time. */
export function readRequests(text: string, fallbackHost: string): Stream {
  const bytes = Buffer.from(text, 'latin1');
  const head = new RequestHead();
  const requests: Reading[] = [];
  const haveUnusualNames: boolean[] = [];
  const stop = (refused: number | undefined, ends: boolean, hasOpenBody = false): Stream => ({
    requests,
    haveUnusualNames,
    refused,
    ends,
    hasOpenBody,
  });
  for (let at = 0; ; ) {
    while (bytes[at] === 0x0d && bytes[at + 1] === 0x0a) at += 2;
    if (at >= bytes.length || (at + 1 === bytes.length && bytes[at] === 0x0d)) return stop(undefined, false);
    const headEnd = head.parse(bytes, at, bytes.length);
    if (headEnd === 0) return stop(undefined, false);
    if (headEnd < 0) return stop(head.refusal!.status, true);
    if (head.fields.count > MAX_FIELDS) return stop(431, true);
    const slice = (from: number, to: number): string => bytes.latin1Slice(from, to);
    const path = slice(head.targetStart, head.targetEnd);
    const host = slice(head.hostStart, head.hostEnd);
    const { keepAlive, isOld } = head;
    let body = '';
    let end = headEnd;
    if (head.contentLength > 0) {
      end = headEnd + head.contentLength;
      if (end > bytes.length) return stop(undefined, false, true);
      body = slice(headEnd, end);
    } else if (head.contentLength < 0) {
      const reader = new ChunkedReader();
      end = reader.read(bytes, headEnd, bytes.length, (from, to) => {
        body += slice(from, to);
      });
      if (end < 0) return stop(400, true, true);
      if (!reader.isDone) return stop(undefined, false, true);
    }
    requests.push({
      method: slice(head.methodStart, head.methodEnd),
      target: path.startsWith('/') || path === '*' ? path : `/${path}`,
      host: host === '' && isOld && head.writesHost ? fallbackHost : host,
      body,
    });
    haveUnusualNames.push(hasUnusualName(head, slice));
    at = end;
    if (!keepAlive) return stop(undefined, true);
  }
}

function hasUnusualName({ fields }: RequestHead, slice: (from: number, to: number) => string): boolean {
  for (let i = 0; i < fields.count; i++) {
    if (fields.dropped[i] === 0 && !/^[a-z0-9-]+$/i.test(slice(fields.nameStart(i), fields.nameEnd(i)))) return true;
  }
  return false;
}
