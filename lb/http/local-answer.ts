import { STATUS_CODES } from 'node:http';
import type { Failure } from './exchange.ts';

/** What an answer that Portico gives itself is made of. */
export interface LocalAnswer {
  readonly status: number;
  /** Lines with their CRLF; neither a length nor `Connection` is among them. */
  readonly fields: string;
  readonly body: Buffer;
}

/** The text says who answered, so that nobody searches in a backend. */
function answerOf(status: number): LocalAnswer {
  return {
    status,
    fields: `Content-Type: text/plain; charset=utf-8\r\n${status === 503 ? 'Retry-After: 1\r\n' : ''}`,
    body: Buffer.from(`${status} ${STATUS_CODES[status] ?? 'Error'} (portico)\n`),
  };
}

/** No route takes the request. */
export const NOT_FOUND: LocalAnswer = answerOf(404);

/** This host cannot take it on. */
export const UNAVAILABLE: LocalAnswer = answerOf(503);

/** Whole answers, made once for each status. */
const cache = new Map<string, Buffer>();

export function localAnswer(status: number, close: boolean, toHead: boolean): Buffer {
  const key = `${status}${close}${toHead}`;
  let answer = cache.get(key);
  if (answer === undefined) {
    answer = writeLocalAnswer(answerOf(status), close, toHead);
    cache.set(key, answer);
  }
  return answer;
}

export function writeLocalAnswer({ status, fields, body }: LocalAnswer, close: boolean, toHead: boolean): Buffer {
  // RFC 9110 §8.6: no length where there can be no content.
  const hasBody = status !== 204 && status !== 304;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`,
    fields,
    hasBody ? `Content-Length: ${body.length}\r\n` : '',
    `Connection: ${close ? 'close' : 'keep-alive'}\r\n\r\n`,
  ].join('');
  const start = Buffer.from(head, 'latin1');
  return toHead || !hasBody ? start : Buffer.concat([start, body]);
}

export function statusOf(failure: Failure): number {
  switch (failure.kind) {
    case 'connect':
      return failure.code === 'TIMEOUT' || failure.code === 'ETIMEDOUT' ? 504 : 502;
    case 'closed':
    case 'bad-answer':
      return 502;
    case 'timeout':
      return 504;
    case 'exhausted':
    case 'queue':
      return 503;
    default:
      return failure satisfies never;
  }
}

/** The same for a reader of the access log. */
export function endOf(failure: Failure): string {
  switch (failure.kind) {
    case 'connect':
      return 'server-unreachable';
    case 'closed':
      return 'server-closed';
    case 'bad-answer':
      return 'server-bad-answer';
    case 'timeout':
      return 'server-timeout';
    case 'exhausted':
      return failure.what === 'port' ? 'no-source-port' : 'no-descriptor';
    case 'queue':
      return `queue-${failure.what}`;
    default:
      return failure satisfies never;
  }
}
