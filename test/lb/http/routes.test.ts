import t, { type Test } from 'tap';
import type { RouteConfig } from '../../../config/route-config.ts';
import { parseTemplate } from '../../../config/template.ts';
import { exchangeRaw } from '../../fixtures/raw-client.ts';
import { startRawServer } from '../../fixtures/raw-server.ts';
import { type PlaneOptions, startPlane } from '../../fixtures/running-plane.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: own\r\nX-Own: 1\r\n\r\nok';

/** A plane with these routes before a server that answers `OK` with `answer`. */
async function run(t: Test, routes: readonly RouteConfig[], options: Partial<PlaneOptions> = {}, answer = OK) {
  const server = await startRawServer((socket, data) => {
    if (data.toString('latin1').includes('\r\n\r\n')) socket.write(Buffer.from(answer, 'latin1'));
  });
  const plane = startPlane({
    servers: [{ port: server.port }],
    ...options,
    listener: { routes, ...options.listener },
  });
  t.teardown(async () => {
    plane.stop();
    await plane.allPortsBack();
    await server.close();
  });
  const ask = (target: string, fields = 'Host: a.example\r\n', method = 'GET'): Promise<string> =>
    exchangeRaw(plane.port, `${method} ${target} HTTP/1.1\r\n${fields}Connection: close\r\n\r\n`);
  /** What the server got of the last request. */
  const seen = (): string =>
    server
      .received()
      .split(/(?<=\r\n\r\n)/)
      .at(-1)!;
  return { ask, seen, plane, server };
}

const edits = (given: {
  remove?: string[];
  set?: Record<string, string>;
  add?: Record<string, string>;
}): NonNullable<RouteConfig['requestHeaders']> => {
  const fields = (values: Record<string, string> = {}) =>
    Object.entries(values).map(([name, value]) => ({ name, value: parseTemplate(value) }));
  return { remove: given.remove ?? [], set: fields(given.set), add: fields(given.add) };
};

t.test('header fields of requests are removed, set and added', async (t) => {
  const { ask, seen } = await run(t, [
    {
      backend: 'app',
      requestHeaders: edits({
        remove: ['cookie', 'x-forwarded-host'],
        set: { 'X-A': 'new', 'X-Forwarded-Proto': 'https' },
        add: { 'X-B': '{client_address} {method} {host} {path}{query} {listener} {backend} {scheme} {"json"}' },
      }),
    },
  ]);
  await ask('/p?q=1', 'Host: A.example:80\r\nCookie: a\r\nx-a: 1\r\nX-A: 2\r\nX-B: own\r\ncookie: b\r\n');
  t.equal(
    seen(),
    [
      'GET /p?q=1 HTTP/1.1',
      'Host: A.example:80',
      'X-B: own',
      'X-Forwarded-For: 127.0.0.1',
      'X-A: new',
      'X-Forwarded-Proto: https',
      'X-B: 127.0.0.1 GET A.example:80 /p?q=1 web app http {"json"}',
      '\r\n',
    ].join('\r\n'),
  );
});

t.test('header fields of answers are removed, set and added', async (t) => {
  const { ask, server } = await run(t, [
    {
      backend: 'app',
      responseHeaders: edits({
        remove: ['server'],
        set: { 'x-own': '2' },
        add: { 'X-From': '{server} {backend} {client_address} {listener}' },
      }),
    },
  ]);
  t.equal(
    await ask('/'),
    `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-own: 2\r\nX-From: 127.0.0.1:${server.port} app 127.0.0.1 web\r\nConnection: close\r\n\r\nok`,
  );
  t.match(await ask('/', 'Host: a\r\n', 'HEAD'), /X-From: .*\r\nConnection: close\r\n\r\n$/);
});

t.test('an edited answer on a connection that stays open', async (t) => {
  const { plane } = await run(t, [{ backend: 'app', responseHeaders: edits({ set: { 'X-Own': '2' } }) }]);
  const two = 'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: own\r\nX-Own: 2\r\n';
  t.equal(await exchangeRaw(plane.port, two), `${answer}\r\nok${answer}Connection: close\r\n\r\nok`);
});

t.test('host and path are rewritten, the query stays', async (t) => {
  const { ask, seen } = await run(t, [
    { path: '/api', backend: 'app', rewrite: { change: { prefix: '/v2' }, host: 'inner.example' } },
    { path: { regex: '^/u/([0-9]+)/(.*)$' }, backend: 'app', rewrite: { change: { path: '/$2/of/$1' } } },
    { backend: 'app' },
  ]);
  await ask('/api/x?y=/api');
  t.match(
    seen(),
    /^GET \/v2\/x\?y=\/api HTTP\/1\.1\r\nHost: inner\.example\r\n[\s\S]*X-Forwarded-Host: a\.example\r\n/,
  );
  t.equal(seen().match(/host:/gi)!.length, 2, 'one Host, one X-Forwarded-Host');
  await ask('/u/17/photo?s=1');
  t.match(seen(), /^GET \/photo\/of\/17\?s=1 HTTP\/1\.1\r\nHost: a\.example\r\n/);
  await ask('/apix');
  t.match(seen(), /^GET \/apix HTTP/);
  await ask('http://b.example/api?x', 'Host: a.example\r\n');
  t.match(seen(), /^GET \/v2\?x HTTP\/1\.1\r\nHost: inner\.example\r\n[\s\S]*X-Forwarded-Host: b\.example\r\n/);
});

t.test('redirects', async (t) => {
  const { ask, plane, server } = await run(t, [
    { path: '/old', redirect: { change: { prefix: '/new' }, keepsQuery: true, status: 301 } },
    { path: '/away', redirect: { host: 'b.example', port: 8443, scheme: 'https', keepsQuery: false, status: 302 } },
    {
      redirect: { scheme: 'https', keepsQuery: true, status: 308 },
      responseHeaders: edits({ set: { 'X-Id': '{client_address}' }, remove: ['content-type'] }),
    },
  ]);
  t.match(
    await ask('/old/x?q', 'Host: a.example:81\r\n'),
    /^HTTP\/1\.1 301 [\s\S]*Location: http:\/\/a\.example:81\/new\/x\?q\r\n/,
  );
  t.match(await ask('/away?q'), /^HTTP\/1\.1 302 [\s\S]*Location: https:\/\/b\.example:8443\/away\r\n/);
  t.equal(
    await ask('/p?q=1', 'Host: A.example:8080\r\n'),
    'HTTP/1.1 308 Permanent Redirect\r\nLocation: https://A.example/p?q=1\r\nX-Id: 127.0.0.1\r\nContent-Length: 31\r\nConnection: close\r\n\r\n308 https://A.example/p?q=1\n'.replace(
      '31',
      String('308 https://A.example/p?q=1\n'.length),
    ),
  );
  t.match(
    await ask('//evil.example', 'Host: a\r\n'),
    /Location: https:\/\/a\/\/evil\.example\r\n/,
    'never to another host',
  );
  t.match(await ask('/', 'Host: [::1]:8080\r\n'), /Location: https:\/\/\[::1\]\/\r\n/);
  t.notMatch(await ask('/p', 'Host: a\r\n', 'HEAD'), /\r\n\r\n308/);
  t.match(
    await exchangeRaw(plane.port, 'GET /p HTTP/1.0\r\n\r\n'),
    /Location: https:\/\/127\.0\.0\.1\/p\r\n/,
    'without a Host',
  );
  t.equal(server.received(), '', 'no server was asked');
});

t.test('fixed answers, on a connection that goes on', async (t) => {
  const { ask, plane } = await run(t, [
    { path: { exact: '/robots.txt' }, answer: { status: 200, body: 'né', contentType: 'text/plain' } },
    { path: '/empty', answer: { status: 204, body: '', contentType: 'text/plain' } },
    { backend: 'app' },
  ]);
  t.equal(
    await ask('/robots.txt'),
    `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\n${Buffer.from('né').toString('latin1')}`,
  );
  t.equal(await ask('/empty'), 'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
  const both = 'GET /empty HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  t.match(
    await exchangeRaw(plane.port, both),
    /^HTTP\/1\.1 204 No Content\r\nConnection: keep-alive\r\n\r\nHTTP\/1\.1 200/,
  );
  const withBody = 'POST /empty HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello';
  t.match(
    await exchangeRaw(plane.port, `${withBody}GET /empty HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`),
    /^HTTP\/1\.1 204[\s\S]*HTTP\/1\.1 204/,
    'a whole body is passed over',
  );
  t.match(
    await exchangeRaw(plane.port, 'POST /empty HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel'),
    /Connection: close/,
    'a body that is still to come ends the connection',
  );
});

t.test('requests are split by weight', async (t) => {
  const servers = await Promise.all(
    ['b', 'c'].map((name) =>
      startRawServer((socket, data) => {
        for (const _ of data.toString('latin1').matchAll(/\r\n\r\n/g))
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${name}`);
      }),
    ),
  );
  t.teardown(() => Promise.all(servers.map((server) => server.close())));
  const { plane, ask } = await run(
    t,
    [
      {
        split: [
          { backend: 'app', weight: 0 },
          { backend: 'b', weight: 3 },
          { backend: 'c', weight: 1 },
        ],
      },
    ],
    { moreBackends: { b: [{ port: servers[0]!.port }], c: [{ port: servers[1]!.port }] } },
  );
  let b = 0;
  const requests = 400;
  for (let i = 0; i < requests; i++) if ((await ask('/')).endsWith('b')) b++;
  // Six standard deviations of a binomial distribution: wrong once in some hundred million runs.
  t.ok(Math.abs(b - requests * 0.75) < 6 * Math.sqrt(requests * 0.75 * 0.25), `${b} of ${requests}`);
  const codes = plane.metrics().requests.map(({ backend, codes }) => [backend, codes[0]?.count ?? 0]);
  t.same(codes, [
    ['app', 0],
    ['b', b],
    ['c', requests - b],
    ['', 0],
  ]);
});

t.test('routes by method, header field, parameter and host with port', async (t) => {
  const answer = (body: string) => ({ status: 200, body, contentType: 'text/plain' });
  const { ask } = await run(t, [
    { methods: ['DELETE'], answer: answer('method') },
    { host: 'a.example:8080', answer: answer('port') },
    { headers: [{ name: 'x-v', exact: '1, 2' }], answer: answer('field') },
    { query: [{ name: 'q', exact: 'ä b' }], answer: answer('parameter') },
    { answer: answer('rest') },
  ]);
  t.match(await ask('/', 'Host: a\r\n', 'DELETE'), /\r\n\r\nmethod$/);
  t.match(await ask('/', 'Host: A.example:8080\r\n'), /\r\n\r\nport$/);
  t.match(await ask('/', 'Host: a\r\nX-V: 1\r\nx-v: 2\r\n'), /\r\n\r\nfield$/);
  t.match(await ask('/?q=%C3%A4+b&q=2', 'Host: a\r\n'), /\r\n\r\nparameter$/);
  t.match(await ask('/?q=2&q=%C3%A4+b', 'Host: a\r\n'), /\r\n\r\nrest$/);
});

const trusting = { trusted: [{ address: '127.0.0.0', prefix: 8 }], style: 'x-forwarded', via: false } as const;

t.test('a trusted proxy is believed, and this hop added', async (t) => {
  const { ask, seen } = await run(
    t,
    [{ backend: 'app', requestHeaders: edits({ set: { 'X-C': '{client_address} {scheme}' } }) }],
    {
      listener: { forwarding: trusting },
    },
  );
  const claims =
    'Host: a\r\nX-Forwarded-For: 6.6.6.6, 9.9.9.9\r\nX-Forwarded-For: 127.0.0.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\nX-Forwarded-Port: 443\r\nForwarded: for=1.1.1.1\r\n';
  await ask('/', claims);
  t.equal(
    seen(),
    'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6, 9.9.9.9, 127.0.0.9, 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\nX-Forwarded-Port: 443\r\nX-C: 9.9.9.9 https\r\n\r\n',
  );
});

t.test('a stranger is not', async (t) => {
  const { ask, seen } = await run(t, [{ backend: 'app' }]);
  await ask(
    '/',
    'Host: a\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\nX-Forwarded-Port: 443\r\nForwarded: for=1.1.1.1\r\n',
  );
  t.equal(
    seen(),
    'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n\r\n',
  );
});

t.test('Forwarded, Via and request ids', async (t) => {
  const { ask, seen } = await run(
    t,
    [{ backend: 'app', responseHeaders: edits({ set: { 'X-Request-Id': '{request_id}' } }) }],
    { listener: { forwarding: { trusted: [], style: 'forwarded', via: true, requestId: 'X-Request-Id' } } },
  );
  const trace = 'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\ntracestate: a=b\r\n';
  const answer = await ask(
    '/',
    `Host: a:80\r\n${trace}Via: 1.1 other\r\nForwarded: for=6.6.6.6\r\nX-Request-Id: mine\r\n`,
  );
  const id = /X-Request-Id: ([0-9a-f]{32})\r\n/.exec(seen())?.[1];
  t.equal(
    seen(),
    `GET / HTTP/1.1\r\nHost: a:80\r\n${trace}Via: 1.1 other\r\nForwarded: for=127.0.0.1;host="a:80";proto=http\r\nVia: 1.1 portico\r\nX-Request-Id: ${id}\r\n\r\n`,
  );
  t.match(answer, new RegExp(`X-Request-Id: ${id}\\r\\nVia: 1\\.1 portico\\r\\n`));
  await ask('/', 'Host: a\r\n');
  t.not(/X-Request-Id: (\S+)/.exec(seen())?.[1], id, 'each has its own');
});

t.test('a request id of a trusted proxy is kept; none is the style that adds nothing', async (t) => {
  const { ask, seen } = await run(t, [{ backend: 'app' }], {
    listener: { forwarding: { ...trusting, style: 'none', requestId: 'X-Request-Id' } },
  });
  await ask('/', 'Host: a\r\nX-Request-Id: theirs\r\nX-Forwarded-For: 9.9.9.9\r\n');
  t.equal(seen(), 'GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: theirs\r\n\r\n');
});
