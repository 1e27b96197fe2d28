import { mutate } from './mutate.ts';
import type { Random } from './random.ts';

// The material of requests: what is right, and what is nearly right in ways that parsers are known to differ about.

const METHODS = [
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'HEAD',
  'OPTIONS',
  'DELETE',
  'PATCH',
  'PROPFIND',
  'get',
  'CONNECT',
  'GE T',
];
const TARGETS = [
  '/',
  '/a',
  '/a?b=c',
  '/a/../b',
  '/%2e/%61',
  '//a',
  '/a;b',
  '/?',
  '/a|b"c',
  '/a\\b',
  '*',
  'http://b/c',
  'http://b',
  'http://b:80?x',
  'HTTP://b/',
  'https://b/',
  'http://u@b/',
  '/a#b',
  '/\xe9',
  'a',
  '',
];
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'http/1.1',
  'HTTP/01.1',
];
const HOSTS = [
  'Host: a',
  'Host: a',
  'Host: a',
  'Host: a',
  'Host: a.example:8080',
  'host:a',
  'HOST: [::1]:80',
  'Host:',
  'Host: a b',
  'Host: a,b',
  'Host: a\r\nHost: b',
  'X: y',
  'Host : a',
  ' Host: a',
];
const FIELDS = [
  'A: b',
  'A:',
  'A:\tb \t',
  'Accept: */*',

  'Cookie: a=b; c=d',
  'A: \xe9',
  'Expect: 100-continue',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: Content-Length',
  'Connection: Transfer-Encoding, Host',
  'Connection: upgrade\r\nUpgrade: h2c',
  'Connection: Upgrade\r\nUpgrade: foo',
  'TE: trailers',
  'Trailer: T',
  'X-Forwarded-For: 6.6.6.6',
  'Keep-Alive: timeout=5',
  'Content-Type: a/b',
  'Range: bytes=0-1',
  'A: b\r\n c',
  'A: b\nB: c',
  'A : b',
  ': a',
  'A',
  'A: \0',
  'Max-Forwards: 0',
];
const LENGTHS = [
  '+5',
  '-1',
  '0x5',
  '05',
  '5 ',
  '5\t',
  '5, 5',
  '5,6',
  '',
  '99999999999999999999',
  '5\x0b',
  '5\xa0',
  ' 5',
  '\t5',
  '5\r\n 5',
  '1e1',
];
const CODINGS = [
  'chunked',
  'Chunked',
  'CHUNKED',
  ' chunked ',
  '\tchunked\t',
  'identity',
  'gzip, chunked',
  'chunked, identity',
  'chunked,',
  'xchunked',
  'chunked\x0b',
  '"chunked"',
  'chunked;a=b',
  '',
  'chunked\r\nTransfer-Encoding: identity',
  '\x00chunked',
  ' \r\n chunked',
];
const EXTENSIONS = ['', '', '', ';a', ';a=b', ' ;a="b;c"', ';', '\t', ' ', ';a\n', ';a\rb', ';\0', ';"\r\n"'];
const SIZES = [
  (n: number) => n.toString(16),
  (n: number) => n.toString(16),
  (n: number) => n.toString(16),
  (n: number) => n.toString(16).toUpperCase(),
  (n: number) => `000${n.toString(16)}`,
  (n: number) => `0x${n.toString(16)}`,
  (n: number) => `+${n.toString(16)}`,
  (n: number) => `${n + 1}`,
  (n: number) => `0000000000${n.toString(16)}`,
  (n: number) => ` ${n.toString(16)}`,
  (n: number) => `ffffffff${n.toString(16)}`,
];
const TRAILERS = [
  '',
  '',
  '',
  '',
  'T: 1\r\n',
  'T: 1\r\nU:\r\n',
  'Content-Length: 5\r\n',
  'Host: evil\r\n',
  'X_Forwarded_For: 6.6.6.6\r\n',
  'no colon\r\n',
  'T : 1\r\n',
  ' T: 1\r\n',
  'T: \0\r\n',
];
const ENDS = ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n'];
/** What a server must never take for a request of its own. */
const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: hidden\r\n\r\n';

function body(random: Random): string {
  switch (random.below(6)) {
    case 0:
      return '';
    case 1:
      return HIDDEN;
    case 2:
      return '0\r\n\r\n';
    case 3:
      return '\r\n';
    default:
      return 'abcdefghijklmnopqrstuvwxyz'.repeat(1 + random.below(4)).slice(0, 1 + random.below(60));
  }
}

function chunks(random: Random, weird: boolean): string {
  let text = '';
  for (let left = random.below(4); left > 0; left--) {
    const data = body(random);
    if (data === '') continue;
    const size = weird ? random.pick(SIZES) : SIZES[0]!;
    text += `${size(data.length)}${weird ? random.pick(EXTENSIONS) : ''}${weird ? random.pick(ENDS) : '\r\n'}${data}\r\n`;
  }
  return `${text}0${weird ? random.pick(EXTENSIONS) : ''}\r\n${random.pick(weird ? TRAILERS : ['', 'T: 1\r\n'])}\r\n`;
}

function request(random: Random): string {
  // Most of a request is right most of the time: what is wrong in several ways is refused for the first of them.
  const weird = (): boolean => random.chance(0.12);
  const pick = (from: readonly string[], usual: number): string =>
    weird() ? random.pick(from) : random.pick(from.slice(0, usual));
  const end = weird() ? random.pick(ENDS) : '\r\n';
  const lines = [`${pick(METHODS, 10)} ${pick(TARGETS, 11)} ${pick(VERSIONS, 7)}`, pick(HOSTS, 7)];
  for (let left = random.below(4); left > 0; left--) lines.push(pick(FIELDS, 17));
  let payload = '';
  switch (random.below(5)) {
    case 0:
    case 1:
      payload = body(random);
      if (payload !== '' || random.chance(0.3))
        lines.push(`Content-Length: ${weird() ? random.pick(LENGTHS) : payload.length}`);
      break;
    case 2:
    case 3:
      payload = chunks(random, random.chance(0.3));
      lines.push(`Transfer-Encoding: ${weird() ? random.pick(CODINGS) : random.pick(CODINGS.slice(0, 5))}`);
      if (random.chance(0.05))
        lines.push(`${random.pick(['Content-Length', 'content_length', 'Content-Length '])}: ${payload.length}`);
      break;
    default:
  }
  if (random.chance(0.3)) lines.reverse().unshift(lines.pop()!);
  return `${lines.join(end)}${end}${end}${payload}`;
}

/** One to three requests on one connection, right or not. */
export function requestBytes(random: Random): string {
  let text = random.chance(0.05) ? '\r\n' : '';
  for (let left = 1 + random.below(3); left > 0; left--) text += request(random);
  return random.chance(0.25) ? mutate(text, random) : text;
}
