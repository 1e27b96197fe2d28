import t, { type Test } from 'tap';
import { exchangeRaw, RawClient } from '../../fixtures/raw-client.ts';
import { startRawServer } from '../../fixtures/raw-server.ts';
import { type PlaneOptions, type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';

// The rows of docs/framing.md.

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = 'GET /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n';
const FALLBACK = /^Host: 127\.0\.0\.1:\d+$/m;

function plane(t: Test, options: PlaneOptions): RunningPlane {
  const running = startPlane(options);
  t.teardown(async () => {
    running.stop();
    await running.allPortsBack();
  });
  return running;
}

const get = (target: string, fields = ''): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
const post = (fields: string, body: string): string => `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;
const chunked = (body: string): string => post('Transfer-Encoding: chunked\r\n', body);

/** What is refused, with status and reason. */
const REFUSED: readonly [string, number, string][] = [
  // Request line
  ['GET / HTTP/1.1\nHost: a\r\n\r\n', 400, 'malformed'],
  ['GET / HTTP/1.1\rHost: a\r\n\r\n', 400, 'malformed'],
  ['\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'malformed'],
  [' GET / HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'malformed'],
  ['GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'malformed'],
  ['GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'malformed'],
  ['GET / HTTP/1.1 \r\nHost: a\r\n\r\n', 400, 'malformed'],
  ['GET / x HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'malformed'],
  ['G@T / HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'malformed'],
  ['head / HTTP/1.1\r\nHost: a\r\n\r\n', 501, 'unknown-method'],
  ['Get / HTTP/1.1\r\nHost: a\r\n\r\n', 501, 'unknown-method'],
  ['CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', 501, 'connect'],
  ['CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n', 501, 'connect'],
  ['CONNECT http://a/ HTTP/1.1\r\nHost: a\r\n\r\n', 501, 'connect'],
  [get('/a#b'), 400, 'malformed'],
  [get('/a\x7f'), 400, 'malformed'],
  [get('/a\x0b'), 400, 'malformed'],
  [get('/\xc3\xa9'), 400, 'malformed'],
  [get('https://a/'), 421, 'misdirected'],
  [get('http://u@a/'), 400, 'malformed'],
  [get('ftp://a/'), 400, 'malformed'],
  [get('http:///x'), 400, 'malformed'],
  [get('http://'), 400, 'malformed'],
  [get('http://a:b/'), 400, 'malformed'],
  [get('*'), 400, 'malformed'],
  [get('x'), 400, 'malformed'],
  [get('a:443'), 400, 'malformed'],
  ['GET /\r\n\r\n', 400, 'malformed'],
  ['GET / HTTP/0.9\r\nHost: a\r\n\r\n', 505, 'http-version'],
  ['GET / HTTP/1.2\r\nHost: a\r\n\r\n', 505, 'http-version'],
  ['GET / HTTP/11.1\r\nHost: a\r\n\r\n', 400, 'malformed'],
  ['GET / http/1.1\r\nHost: a\r\n\r\n', 400, 'malformed'],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, 'http-version'],
  // Fields
  [get('/', 'A : b\r\n'), 400, 'malformed'],
  [get('/', 'A\t: b\r\n'), 400, 'malformed'],
  [get('/', ': b\r\n'), 400, 'malformed'],
  [get('/', 'A b\r\n'), 400, 'malformed'],
  [get('/', 'A(: b\r\n'), 400, 'malformed'],
  [get('/', 'A\xe9: b\r\n'), 400, 'malformed'],
  [get('/', 'A: b\r\n c\r\n'), 400, 'malformed'],
  [get('/', 'A: b\r\n\tc\r\n'), 400, 'malformed'],
  ['GET / HTTP/1.1\r\n Host: a\r\n\r\n', 400, 'malformed'],
  [get('/', 'A: b\0\r\n'), 400, 'malformed'],
  [get('/', 'A: b\x7f\r\n'), 400, 'malformed'],
  [get('/', 'A: b\x1b\r\n'), 400, 'malformed'],
  [get('/', 'A: b\nB: c\r\n'), 400, 'malformed'],
  [get('/', 'A: b\rB: c\r\n'), 400, 'malformed'],
  ['GET / HTTP/1.1\r\nHost: a\r\n\n', 400, 'malformed'],
  [get('/', `A: ${'a'.repeat(17_000)}\r\n`), 431, 'headers-too-large'],
  [get('/', 'A: b\r\n'.repeat(128)), 431, 'headers-too-large'],
  ['GET / HTTP/1.1\r\nA: b\r\n\r\n', 400, 'bad-host'],
  ['GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 400, 'bad-host'],
  ['GET http://a/ HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n', 400, 'bad-host'],
  ['GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n', 400, 'bad-host'],
  ['GET http://a/ HTTP/1.1\r\n\r\n', 400, 'bad-host'],
  ...[
    'a b',
    'a/b',
    'u@a',
    'a,b c',
    'a:b',
    'a:65536',
    'a:1:2',
    '[::1',
    '[::1]x',
    '[g]',
    'a]',
    ':80',
    'a%2',
    'a"',
    'a\\b',
  ].map((host): [string, number, string] => [`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 400, 'bad-host']),
  // Length
  ...['+5', '-5', '0x5', '5.0', '5 5', '5, 5', '5,5', '', '1234567890123456', '5\xa0', '5;', 'five'].map(
    (length): [string, number, string] => [post(`Content-Length: ${length}\r\n`, 'abcde'), 400, 'ambiguous-length'],
  ),
  [post('Content-Length: 5\r\nContent-Length: 5\r\n', 'abcde'), 400, 'ambiguous-length'],
  [post('Content-Length: 5\r\nContent-Length: 6\r\n', 'abcde'), 400, 'ambiguous-length'],
  [post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400, 'ambiguous-length'],
  [post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'), 400, 'ambiguous-length'],
  ...[
    'identity',
    'gzip',
    'gzip, chunked',
    'chunked, gzip',
    'chunked,',
    ', chunked',
    'chunked;a',
    'xchunked',
    '"chunked"',
    '',
  ].map((coding): [string, number, string] => [
    post(`Transfer-Encoding: ${coding}\r\n`, '0\r\n\r\n'),
    501,
    'unknown-transfer-coding',
  ]),
  [post('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n'), 400, 'malformed'],
  [post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400, 'ambiguous-length'],
  [post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n'), 400, 'ambiguous-length'],
  ['POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400, 'ambiguous-length'],
  [post('Content_Length: 5\r\n', 'abcde'), 400, 'ambiguous-length'],
  [post('transfer_encoding: chunked\r\n', '0\r\n\r\n'), 400, 'ambiguous-length'],
  [post('Content-Length: 101\r\n', ''), 413, 'body-too-large'],
  [chunked(`80\r\n${'a'.repeat(128)}\r\n0\r\n\r\n`), 413, 'body-too-large'],
  // Chunks
  ...[
    '\r\n',
    '123456789\r\n',
    '+1\r\na\r\n0\r\n\r\n',
    '-1\r\na\r\n0\r\n\r\n',
    '0x1\r\na\r\n0\r\n\r\n',
    ' 1\r\na\r\n0\r\n\r\n',
    '1 \r\na\r\n0\r\n\r\n',
    '1\na\r\n0\r\n\r\n',
    '1\ra\r\n0\r\n\r\n',
    '1;a\nb\r\na\r\n0\r\n\r\n',
    '1;a\rb\r\na\r\n0\r\n\r\n',
    '1;\0\r\na\r\n0\r\n\r\n',
    `1;${'x'.repeat(16_385)}`,
    '1\r\nab\r\n0\r\n\r\n',
    '1\r\na\n0\r\n\r\n',
    '1\r\na0\r\n\r\n',
    '3\r\na\r\n0\r\n\r\n\r\n',
    'g\r\n',
    '0\r\nno colon\r\n\r\n',
    '0\r\nT : 1\r\n\r\n',
    '0\r\n T: 1\r\n\r\n',
    '0\r\nT: 1\r\n 2\r\n\r\n',
    '0\r\nT: 1\n\r\n',
    '0\r\nT: \0\r\n\r\n',
    '0\r\n\n',
    `0\r\n${'T: 1\r\n'.repeat(65)}\r\n`,
    `0\r\nT: ${'x'.repeat(8200)}`,
  ].map((body): [string, number, string] => [chunked(body), 400, 'malformed-chunk']),
];

t.test('requests that are refused reach no server whole', async (t) => {
  const server = await startRawServer(() => {});
  t.teardown(() => server.close());
  const limits = { headerBytes: 16_384, bodyBytes: 100, webSocketMessageBytes: 1024 };
  const { port, metrics } = plane(t, { servers: [{ port: server.port }], listener: { limits } });
  let counted = 0;
  for (const [request, status, reason] of REFUSED) {
    const answer = await exchangeRaw(port, request + get('/smuggled'));
    const what = JSON.stringify(request.slice(0, 80));
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} [^\r]*\r\n`), what);
    t.match(answer, /\r\nConnection: close\r\n/);
    const { rejected } = metrics().listeners[0]!;
    t.equal(
      rejected.reduce((sum, { count }) => sum + count, 0),
      ++counted,
    );
    t.ok(
      rejected.some((entry) => entry.reason === reason),
      `${what} counts as ${reason}`,
    );
  }
  t.notMatch(server.received(), /smuggled/, 'nothing behind a refused request is read');
  t.notMatch(server.received(), /^0\r\n/m, 'no body that broke off looks whole');
});

/** What passes, and what the server gets of it. */
const PASSED: Readonly<Record<string, readonly [string, string]>> = {
  'empty lines before': [`\r\n\r\n${get('/')}`, get('/')],
  'another method': ['PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n', 'PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n'],
  'characters that no URI may hold': [get('/"<>\\^`{|}[]'), get('/"<>\\^`{|}[]')],
  'dots and percents': [get('//a/../b/%2e%2E/;c?d?e'), get('//a/../b/%2e%2E/;c?d?e')],
  'absolute form': [get('http://B.example:8080/p?q'), 'GET /p?q HTTP/1.1\r\nHost: B.example:8080\r\n\r\n'],
  'absolute form, other case': [get('HTTP://b/'), 'GET / HTTP/1.1\r\nHost: b\r\n\r\n'],
  'absolute form without a path': [get('http://b?q'), 'GET /?q HTTP/1.1\r\nHost: b\r\n\r\n'],
  'OPTIONS for all': ['OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'],
  'OPTIONS, absolute, without a path': [
    'OPTIONS http://b:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: b:1\r\n\r\n',
  ],
  'OPTIONS, absolute, with a path': [
    'OPTIONS http://b/ HTTP/1.1\r\nHost: a\r\n\r\n',
    'OPTIONS / HTTP/1.1\r\nHost: b\r\n\r\n',
  ],
  'HTTP/1.0': ['GET / HTTP/1.0\r\nHost: a\r\n\r\n', get('/')],
  'HTTP/1.0 without Host': ['GET / HTTP/1.0\r\n\r\n', 'GET / HTTP/1.1\r\nHost: FALLBACK\r\n\r\n'],
  'bytes above 0x7F in a value': [get('/', 'A: \xe9\x80\r\n'), get('/', 'A: \xe9\x80\r\n')],
  'empty Host': ['GET / HTTP/1.1\r\nHost:\r\n\r\n', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
  'Host of any kind': [
    'GET / HTTP/1.1\r\nHost: [2001:db8::1.2.3.4]:\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: [2001:db8::1.2.3.4]:\r\n\r\n',
  ],
  'hop-by-hop fields': [
    get(
      '/',
      'Connection: x, TE, Host\r\nX: 1\r\nTE: trailers\r\nKeep-Alive: 1\r\nProxy-Connection: x\r\nUpgrade: h2c\r\n',
    ),
    get('/'),
  ],
  'what the client says of itself': [get('/', 'X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n'), get('/')],
  'a length': [post('content-LENGTH:\t0005 \t\r\n', 'abcde'), post('Content-Length:    5  \r\n', 'abcde')],
  'a length of zeros': [post('Content-Length: 000\r\n', ''), post('Content-Length:   0\r\n', '')],
  'Connection names the length': [
    post('Connection: Content-Length\r\nContent-Length: 5\r\n', 'abcde'),
    post('Content-Length: 5\r\n', 'abcde'),
  ],
  'chunks in any case': [
    post('transfer-ENCODING: CHUNKED\r\n', '00A\r\n0123456789\r\n000\r\n\r\n'),
    chunked('a\r\n0123456789\r\n0\r\n\r\n'),
  ],
  'several chunks': [chunked('1\r\na\r\n2\r\nbc\r\n0\r\n\r\n'), chunked('3\r\nabc\r\n0\r\n\r\n')],
  extensions: [chunked('1;a=b\r\na\r\n2 ; "c;d"\r\nbc\r\n0;e\r\n\r\n'), chunked('3\r\nabc\r\n0\r\n\r\n')],
  trailers: [
    chunked('1\r\na\r\n0\r\nT: \xe9\r\nHost: evil\r\ncontent_length: 5\r\nCookie: a\r\nU:\r\n\r\n'),
    chunked('1\r\na\r\n0\r\n\r\n'),
  ],
};

t.test('requests that pass reach the server in one form', async (t) => {
  for (const [name, [request, expected]] of Object.entries(PASSED)) {
    await t.test(name, async (t) => {
      const server = await startRawServer((socket) => {
        if (isWhole(server.received())) socket.write(OK);
      });
      t.teardown(() => server.close());
      const { port } = plane(t, { servers: [{ port: server.port }] });
      await new RawClient(port).send(request).until((received) => received.endsWith('ok'));
      t.equal(
        server
          .received()
          .replace(/X-Forwarded-[^\r]*\r\n/g, '')
          .replace(FALLBACK, 'Host: FALLBACK'),
        expected,
      );
    });
  }
});

/** One request with its body, as the rows above have them. */
function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  if (/chunked/i.test(text)) return text.endsWith('\r\n\r\n') && /\r\n0\r\n/.test(text);
  return text.length >= end + 4 + Number(/\r\nContent-Length: *(\d+)/.exec(text)?.[1] ?? 0);
}

t.test('a body that is cut anywhere has one reading', async (t) => {
  const request = chunked('5;x\r\nhello\r\n00006\r\n world\r\n0\r\nT: 1\r\n\r\n');
  for (let cut = 60; cut < request.length; cut += 3) {
    const server = await startRawServer((socket) => {
      if (isWhole(server.received())) socket.write(OK);
    });
    const running = plane(t, { servers: [{ port: server.port }] });
    const client = new RawClient(running.port).send(request.slice(0, cut));
    // The first part is on its way to the server, or read at least, before the second leaves.
    while (running.metrics().listeners[0]!.connectionsTotal === 0)
      await new Promise((resolve) => setImmediate(resolve));
    await client.send(request.slice(cut)).until((received) => received.endsWith('ok'));
    client.close();
    const [, body = ''] = server.received().split(/\r\n\r\n(.*)/s);
    t.equal(body.replace(/([0-9a-f]+)\r\n(.*?)\r\n(?=[0-9a-f]+\r\n)/gs, '$2'), 'hello world0\r\n\r\n');
    await server.close();
  }
});

const answer = (fields: string, body = ''): string => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`;

/** Answers that are a server's fault: the client gets 502, or a reset if a part is out. */
const BROKEN: readonly string[] = [
  'HTTP/1.2 200 OK\r\n\r\n',
  'HTTP/2 200 OK\r\n\r\n\r\n\r\n',
  'http/1.1 200 OK\r\n\r\n',
  'HTTP/1.1  200 OK\r\n\r\n',
  'HTTP/1.1 2000 OK\r\n\r\n',
  'HTTP/1.1 20 OK\r\n\r\n',
  'HTTP/1.1 099 OK\r\n\r\n',
  'HTTP/1.1 600 OK\r\n\r\n',
  'HTTP/1.1 -20 OK\r\n\r\n',
  'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 O\0K\r\n\r\n',
  '\r\nHTTP/1.1 200 OK\r\n\r\n',
  answer('A : b\r\n'),
  answer('A: b\r\n c\r\n'),
  answer('A: b\nB: c\r\n'),
  answer('A: b\rB: c\r\n'),
  answer('A: \0\r\n'),
  answer(`A: ${'x'.repeat(66_000)}\r\n`),
  answer('A: b\r\n'.repeat(1001)),
  ...['+2', '-2', '0x2', '2, 2', '', '2 2'].map((length) => answer(`Content-Length: ${length}\r\n`, 'ab')),
  answer('Content-Length: 2\r\nContent-Length: 2\r\n', 'ab'),
  answer('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
  ...['gzip', 'gzip, chunked', 'identity', ''].map((coding) => answer(`Transfer-Encoding: ${coding}\r\n`, '0\r\n\r\n')),
  answer('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
  'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ...['g\r\n', '1 \r\na\r\n', '1\na', '0\r\nx\r\n\r\n'].map((body) => answer('Transfer-Encoding: chunked\r\n', body)),
  'HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nContent-Length: 1\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(65),
];

t.test('broken answers', async (t) => {
  for (const bytes of BROKEN) {
    const server = await startRawServer((socket) => socket.write(Buffer.from(bytes, 'latin1')));
    const running = startPlane({ servers: [{ port: server.port }] });
    const received = await exchangeRaw(running.port, GET);
    t.match(
      received.replace(/^(HTTP\/1\.1 103 Early Hints\r\n\r\n)*/, ''),
      /^HTTP\/1\.1 502 Bad Gateway\r\n/,
      JSON.stringify(bytes.slice(0, 70)),
    );
    running.stop();
    await running.allPortsBack();
    await server.close();
  }
});

/** Answers that pass, and what the client gets of them on a connection that it wants closed. */
const ANSWERS: Readonly<Record<string, readonly [string, string, string?]>> = {
  'no reason, no space': [
    'HTTP/1.1 299\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 299 \r\nContent-Length: 0\r\nCLOSE\r\n',
  ],
  'no reason': ['HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 299 \r\nContent-Length: 0\r\nCLOSE\r\n'],
  'chunks, extensions and trailers': [
    answer('Transfer-Encoding: CHUNKED\r\n', '001;a\r\na\r\n2\r\nbc\r\n0\r\nT: 1\r\nContent-Length: 9\r\n\r\n'),
    answer('CLOSETransfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\nT: 1\r\n\r\n'),
  ],
  'a length with tabs': [answer('content-length:\t2 \t\r\n', 'ok'), answer('Content-Length: 2  \r\nCLOSE', 'ok')],
  '204 with a length': ['HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 204 No Content\r\nCLOSE\r\n'],
  '304 with a length': [
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nCLOSE\r\n',
  ],
  'to HEAD': [answer('Transfer-Encoding: chunked\r\n'), 'HTTP/1.1 200 OK\r\nCLOSE\r\n', GET.replace('GET', 'HEAD')],
  'interim answers are cleaned': [
    `HTTP/1.1 103\r\nConnection: X\r\nX: 1\r\nLink: a\r\n\r\n${OK}`,
    'HTTP/1.1 103 \r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nCLOSE\r\nok',
  ],
  'interim answers of HTTP/1.0': [
    `HTTP/1.0 100 Continue\r\n\r\n${OK}`,
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nCLOSE\r\nok',
  ],
  'no interim answers to HTTP/1.0': [
    `HTTP/1.1 103 Early Hints\r\n\r\n${OK}`,
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCLOSE\r\nok',
    'GET / HTTP/1.0\r\n\r\n',
  ],
  'hop-by-hop fields': [
    answer('Connection: X, keep-alive\r\nX: 1\r\nKeep-Alive: 1\r\nUpgrade: h2c\r\nContent-Length: 0\r\n'),
    answer('Content-Length: 0\r\nCLOSE'),
  ],
  'more than the answer': [
    `${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL`,
    answer('Content-Length: 2\r\nCLOSE', 'ok'),
  ],
};

t.test('answers that pass reach the client in one form', async (t) => {
  for (const [name, [bytes, expected, request = GET]] of Object.entries(ANSWERS)) {
    await t.test(name, async (t) => {
      const server = await startRawServer((socket) => socket.write(Buffer.from(bytes, 'latin1')));
      t.teardown(() => server.close());
      const { port } = plane(t, { servers: [{ port: server.port }] });
      t.equal(await exchangeRaw(port, request), expected.replace('CLOSE', 'Connection: close\r\n'));
    });
  }
});
