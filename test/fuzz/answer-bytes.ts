import { mutate } from './mutate.ts';
import type { Random } from './random.ts';

// The material of answers: what is right, and what is nearly right.

const STATUSES = [
  '200 OK',
  '200 OK',
  '200 OK',
  '200',
  '200 ',
  '404 Not Found',
  '204 No Content',
  '304 Not Modified',
  '299 x\xe9',
  '500 x',
  '205 Reset',
  '101 Switching Protocols',
  '099 x',
  '600 x',
  '2000 x',
  '20 x',
];
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2',
  'http/1.1',
];
const FIELDS = [
  'A: b',
  'A:',
  'A:\tb \t',
  'Set-Cookie: a=b',
  'A: \xe9',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: A, Content-Length',
  'Keep-Alive: timeout=5',
  'Upgrade: h2c',
  'Trailer: T',
  'Date: x',
  'A: b\r\n c',
  'A: b\nB: c',
  'A : b',
  ': a',
  'A',
  'A: \0',
  'Transfer-Encoding: identity',
  'Content-Length: 1',
];
const INTERIMS = [
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n',
  'HTTP/1.1 103\r\nConnection: close\r\n\r\n',
  'HTTP/1.0 100 x\r\n\r\n',
  'HTTP/1.1 102 x\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 100 x\r\nContent-Length: 5\r\n\r\n',
];
const EXTENSIONS = ['', '', '', ';a', ' ;a="b"', ' ', ';\0', ';a\n'];
const TRAILERS = ['', '', 'T: 1\r\n', 'Content-Length: 5\r\n', 'no colon\r\n', 'T: \0\r\n'];
/** What no client must ever get for an answer of its own. */
const HIDDEN = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhidden';

export interface AnswerBytes {
  readonly text: string;
  /** The server closes behind it. */
  readonly closes: boolean;
}

function chunks(data: string, random: Random, weird: boolean): string {
  let text = '';
  for (let at = 0; at < data.length; ) {
    const size = 1 + random.below(data.length - at);
    const digits =
      weird && random.chance(0.2) ? `0${(size + random.below(2)).toString(16).toUpperCase()}` : size.toString(16);
    text += `${digits}${weird ? random.pick(EXTENSIONS) : ''}\r\n${data.slice(at, at + size)}\r\n`;
    at += size;
  }
  return `${text}0\r\n${weird ? random.pick(TRAILERS) : ''}\r\n`;
}

/** An answer whose body says which case it belongs to, right or not. */
export function answerBytes(id: number, random: Random): AnswerBytes {
  const weird = (): boolean => random.chance(0.1);
  const pick = (from: readonly string[], usual: number): string => random.pick(weird() ? from : from.slice(0, usual));
  const data = `case ${id}.`.repeat(1 + random.below(4));
  const lines = [`${pick(VERSIONS, 6)} ${pick(STATUSES, 9)}`];
  for (let left = random.below(4); left > 0; left--) lines.push(pick(FIELDS, 12));
  let payload = data;
  let closes = random.chance(0.1);
  switch (random.below(5)) {
    case 0:
    case 1:
      lines.push(
        `Content-Length: ${weird() ? random.pick(['+1', '0x5', '', '5, 5', `0${data.length}`, `${data.length + 1}`, '3']) : data.length}`,
      );
      closes ||= !weird();
      closes &&= random.chance(0.3);
      break;
    case 2:
    case 3:
      lines.push(
        `Transfer-Encoding: ${weird() ? random.pick(['gzip, chunked', '', 'Chunked ', 'identity']) : 'chunked'}`,
      );
      payload = chunks(data, random, random.chance(0.3));
      break;
    default:
      closes = true;
  }
  let text = '';
  for (let left = random.chance(0.1) ? 1 + random.below(2) : 0; left > 0; left--) text += random.pick(INTERIMS);
  text += `${lines.join('\r\n')}\r\n\r\n${payload}`;
  if (random.chance(0.08)) text += HIDDEN;
  return { text: random.chance(0.25) ? mutate(text, random) : text, closes };
}
