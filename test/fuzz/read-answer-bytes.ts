import { ChunkedReader } from '../../lb/http/chunked.ts';
import { ResponseHead } from '../../lb/http/response-head.ts';
import type { AnswerBytes } from './answer-bytes.ts';

/** What a client has to get. */
export type Outcome =
  | { readonly kind: 'whole'; readonly status: number; readonly body: string }
  /** 502, if no part of an answer has gone out, else a reset. */
  | { readonly kind: 'broken' }
  /** The server leaves the client waiting. */
  | { readonly kind: 'waiting' };

const MAX_INTERIMS = 64;

/** What the front makes of the bytes that answer one request, by its own parsers, without sockets or time. */
export function readAnswerBytes({ text, closes }: AnswerBytes, toHead: boolean): Outcome {
  const bytes = Buffer.from(text, 'latin1');
  const head = new ResponseHead();
  const unfinished: Outcome = closes ? { kind: 'broken' } : { kind: 'waiting' };
  let at = 0;
  for (let interims = 0; ; ) {
    const end = head.parse(bytes, at, bytes.length, toHead);
    if (end === 0) return unfinished;
    if (end < 0 || head.status === 101) return { kind: 'broken' };
    at = end;
    if (head.status >= 200) break;
    if (++interims > MAX_INTERIMS) return { kind: 'broken' };
  }
  const { status, framing } = head;
  const whole = (body: string): Outcome => ({ kind: 'whole', status, body });
  switch (framing) {
    case 'none':
      return whole('');
    case 'length': {
      const end = at + head.contentLength;
      return end > bytes.length ? unfinished : whole(bytes.latin1Slice(at, end));
    }
    case 'close':
      return closes ? whole(bytes.latin1Slice(at, bytes.length)) : { kind: 'waiting' };
    case 'chunked': {
      const reader = new ChunkedReader();
      let body = '';
      const end = reader.read(bytes, at, bytes.length, (from, to) => {
        body += bytes.latin1Slice(from, to);
      });
      if (end < 0) return { kind: 'broken' };
      return reader.isDone ? whole(body) : unfinished;
    }
    default:
      return framing satisfies never;
  }
}
