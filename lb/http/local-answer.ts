import { STATUS_CODES } from 'node:http';
import type { Failure } from './exchange.ts';

/** Whole answers that Portico gives itself, made once for each status. The text says who answered, so that nobody searches in a backend. */
const cache = new Map<string, Buffer>();

export function localAnswer(status: number, close: boolean, toHead: boolean): Buffer {
  const key = `${status}${close}${toHead}`;
  let answer = cache.get(key);
  if (answer === undefined) {
    const reason = STATUS_CODES[status] ?? 'Error';
    const body = `${status} ${reason} (portico)\n`;
    const lines = [
      `HTTP/1.1 ${status} ${reason}`,
      'Content-Type: text/plain; charset=utf-8',
      `Content-Length: ${body.length}`,
      ...(status === 503 ? ['Retry-After: 1'] : []),
      `Connection: ${close ? 'close' : 'keep-alive'}`,
    ];
    answer = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${toHead ? '' : body}`, 'latin1');
    cache.set(key, answer);
  }
  return answer;
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
