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
  /** The status with which the next is refused; undefined when the bytes end before. */
  readonly refused: number | undefined;
  /** Nothing after the last request is read. */
  readonly ends: boolean;
}

const MAX_FIELDS = 128;

/** What the front makes of the bytes of a connection, by its own parsers, without sockets or time. */
export function readRequests(text: string, fallbackHost: string): Stream {
  const bytes = Buffer.from(text, 'latin1');
  const head = new RequestHead();
  const requests: Reading[] = [];
  for (let at = 0; ; ) {
    while (bytes[at] === 0x0d && bytes[at + 1] === 0x0a) at += 2;
    if (at >= bytes.length || (at + 1 === bytes.length && bytes[at] === 0x0d))
      return { requests, refused: undefined, ends: false };
    const headEnd = head.parse(bytes, at, bytes.length);
    if (headEnd === 0) return { requests, refused: undefined, ends: false };
    if (headEnd < 0) return { requests, refused: head.refusal!.status, ends: true };
    if (head.fields.count > MAX_FIELDS) return { requests, refused: 431, ends: true };
    const slice = (from: number, to: number): string => bytes.latin1Slice(from, to);
    const path = slice(head.targetStart, head.targetEnd);
    const host = slice(head.hostStart, head.hostEnd);
    const { keepAlive, isOld } = head;
    let body = '';
    let end = headEnd;
    if (head.contentLength > 0) {
      end = headEnd + head.contentLength;
      if (end > bytes.length) return { requests, refused: undefined, ends: false };
      body = slice(headEnd, end);
    } else if (head.contentLength < 0) {
      const reader = new ChunkedReader();
      end = reader.read(bytes, headEnd, bytes.length, (from, to) => {
        body += slice(from, to);
      });
      if (end < 0) return { requests, refused: 400, ends: true };
      if (!reader.isDone) return { requests, refused: undefined, ends: false };
    }
    requests.push({
      method: slice(head.methodStart, head.methodEnd),
      target: path.startsWith('/') || path === '*' ? path : `/${path}`,
      host: host === '' && isOld && head.writesHost ? fallbackHost : host,
      body,
    });
    at = end;
    if (!keepAlive) return { requests, refused: undefined, ends: true };
  }
}
