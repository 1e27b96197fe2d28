import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type tls from 'node:tls';
import t from 'tap';
import { digestOf, formatToken, newToken, readTokens } from '../../admin/access/token-line.ts';
import { TokenStore } from '../../admin/access/token-store.ts';
import type { Role } from '../../admin/actor.ts';
import { EventFeed } from '../../admin/events/event-feed.ts';
import { AdminServer } from '../../admin/server.ts';
import type { AdminConfig } from '../../config/config.ts';
import { adminAppOf } from '../fixtures/admin-app.ts';
import { FakeAdminSource } from '../fixtures/fake-admin-source.ts';
import { FakeClock } from '../fixtures/fake-clock.ts';
import { FakeConfigSource } from '../fixtures/fake-config-source.ts';
import { selfSigned } from '../fixtures/self-signed.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-access-'));
t.teardown(() => rmSync(folder, { recursive: true }));

const line = (name: string, role: Role, token: string): string => formatToken({ name, role, digest: digestOf(token) });
const file = (name: string, ...lines: string[]): string => {
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
  return join(folder, name);
};
const bearer = (token: string) => ({ host: 'localhost', authorization: `Bearer ${token}` });
const SERVER = '/api/v1/backends/app/servers/127.0.0.1:1';

t.test('what a token file holds', async (t) => {
  const text = `# ours\n\n${line('alice@x', 'admin', 'a')}\n  ${line('grafana', 'read-only', 'g')}  \n`;
  t.match(readTokens(text), {
    ok: true,
    hasPlain: false,
    tokens: [
      { name: 'alice@x', role: 'admin' },
      { name: 'grafana', role: 'read-only' },
    ],
  });
  t.match(readTokens('plain-secret\n'), { ok: true, hasPlain: true, tokens: [{ name: 'token', role: 'admin' }] });
  const bad: [string, RegExp][] = [
    ['', /is empty/],
    ['# nothing\n', /is empty/],
    ['one\ntwo', /no token in line 1/],
    [`${line('a', 'admin', 'x')}\nsecret`, /no token in line 2/],
    [line('a', 'admin', 'x').replace('admin', 'root'), /no token in line 1/],
    [`${line('a', 'admin', 'x')}\n${line('a', 'admin', 'y')}`, /two tokens called a/],
    [line('a', 'admin', 'x').slice(0, -1), /no token in line 1/],
  ];
  for (const [text, message] of bad) {
    const result = readTokens(text);
    t.match(result, { ok: false, message });
    t.notMatch(JSON.stringify(result), /secret|two"/, 'and does not tell what is there');
  }
  t.match(newToken(), /^pt_[\w-]{43}$/);
  t.not(newToken(), newToken());
});

t.test('roles', async (t) => {
  const tokens = new TokenStore(
    { clock: new FakeClock(), onTrouble: () => {} },
    file('roles', line('ann', 'admin', 'full'), line('bob', 'read-only', 'less')),
  );
  const source = new FakeAdminSource();
  const events = new EventFeed({ epochMs: () => 0 });
  const config = new FakeConfigSource('');
  const { Audit } = await import('../../admin/events/audit.ts');
  const app = adminAppOf(source, { events, config, audit: new Audit({ feed: events }) }, { tokens });
  const send = async (
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT',
    url: string,
    token: string,
    payload?: object,
  ) =>
    (await app.inject({ method, url, headers: bearer(token), ...(payload === undefined ? {} : { payload }) }))
      .statusCode;
  for (const url of ['/api/v1/status', '/api/v1/config', '/api/v1/system', '/metrics', '/api/v1/events/history']) {
    t.equal(await send('GET', url, 'less'), 200, url);
  }
  t.equal(await send('POST', '/api/v1/config/validate', 'less', { text: '' }), 200, 'it changes nothing');
  for (const [method, url] of [
    ['PATCH', SERVER],
    ['DELETE', SERVER],
    ['POST', '/api/v1/backends/app/servers'],
    ['POST', '/api/v1/sources/default/addresses'],
    ['PUT', '/api/v1/config'],
    ['POST', '/api/v1/config/rollback'],
    ['POST', '/api/v1/system/apply'],
    ['POST', '/api/v1/nothing'],
  ] as const) {
    t.equal(await send(method, url, 'less', {}), 403, `${method} ${url}`);
  }
  t.strictSame(source.asked, []);
  t.equal(await send('PATCH', SERVER, 'full', { weight: 2 }), 200);
  t.match(events.before(undefined, 1), [{ data: { who: 'ann', role: 'admin', from: '127.0.0.1' } }]);
});

t.test('tokens come and go without a restart', async (t) => {
  const clock = new FakeClock();
  const trouble: string[] = [];
  const path = file('rotated', line('ann', 'admin', 'old'));
  const tokens = new TokenStore({ clock, onTrouble: (message) => trouble.push(message) }, path);
  t.match(tokens.find('old'), { name: 'ann', role: 'admin' });
  file('rotated', line('ann', 'admin', 'new'), line('bob', 'read-only', 'bobs'));
  t.equal(tokens.find('new'), undefined, 'not looked at yet');
  clock.advance(1000);
  t.match(tokens.find('new'), { name: 'ann' });
  t.match(tokens.find('bobs'), { role: 'read-only' });
  t.equal(tokens.find('old'), undefined);
  for (const [text, why] of [
    ['two words\nmore', /no token in line 1\b.*The tokens from before stay good/],
    [undefined, /cannot be read \(ENOENT\)/],
  ] as const) {
    if (text === undefined) rmSync(path);
    else file('rotated', text);
    clock.advance(1000);
    t.match(tokens.find('new'), { name: 'ann' });
    clock.advance(1000);
    t.match(tokens.find('new'), { name: 'ann' });
    t.match(trouble.splice(0), [why], 'told once');
  }
  file('rotated', line('eve', 'admin', 'again'));
  clock.advance(1000);
  t.match(tokens.find('again'), { name: 'eve' });
});

t.test('who tries out tokens has to wait', async (t) => {
  const clock = new FakeClock();
  const lockedOut: string[] = [];
  const app = adminAppOf(
    new FakeAdminSource(),
    { clock, onLockedOut: (address) => lockedOut.push(address) },
    { token: 'right' },
  );
  const send = (token: string, remoteAddress = '192.0.2.1') =>
    app.inject({ url: '/metrics', headers: bearer(token), remoteAddress });
  for (let i = 0; i < 20; i++) t.equal((await send(`wrong${i}`)).statusCode, 401);
  const refused = await send('right');
  t.equal(refused.statusCode, 429, 'also with the right one: nothing is learnt from it');
  t.equal(refused.headers['retry-after'], '5');
  t.equal((await send('wrong')).statusCode, 429);
  t.equal((await send('right', '192.0.2.2')).statusCode, 200);
  t.strictSame(lockedOut, ['192.0.2.1']);
  t.equal(
    (await app.inject({ url: '/healthz', headers: { host: 'localhost' }, remoteAddress: '192.0.2.1' })).statusCode,
    200,
  );
  clock.advance(5001);
  t.equal((await send('right')).statusCode, 200);
  for (let i = 0; i < 19; i++) await send('wrong', '2001:db8::1');
  await send('wrong', '2001:db8:0:0:ffff::2');
  t.equal((await send('right', '2001:db8::3')).statusCode, 429, 'a client has a whole /64 of addresses');
  t.equal((await send('right', '2001:db8:0:1::3')).statusCode, 200);
  const unknown = await app.inject({ url: '/metrics', headers: { host: 'localhost' }, remoteAddress: '192.0.2.3' });
  t.equal(unknown.statusCode, 401);
});

t.test('every answer has the headers that keep browsers out of trouble', async (t) => {
  const app = adminAppOf(new FakeAdminSource(), {}, { token: 'right' });
  const requests = [
    { url: '/api/v1/status', headers: bearer('right') },
    { url: '/metrics', headers: bearer('right') },
    { url: '/healthz', headers: { host: 'localhost' } },
    { url: '/nothing', headers: bearer('right') },
    { url: '/api/v1/status', headers: { host: 'localhost' } },
    { url: '/api/v1/status', headers: { host: 'evil.example' } },
  ];
  for (const request of requests) {
    const { headers, statusCode } = await app.inject(request);
    t.match(
      headers,
      {
        'content-security-policy': /^default-src 'none'/,
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'no-store',
        'strict-transport-security': undefined,
      },
      `${request.url} ${statusCode}`,
    );
  }
});

t.test('metrics can be open, or off', async (t) => {
  const statusOf = async (metrics: 'open' | 'off', url: string) =>
    (
      await adminAppOf(new FakeAdminSource(), {}, { token: 'right', metrics }).inject({
        url,
        headers: { host: 'localhost' },
      })
    ).statusCode;
  t.equal(await statusOf('open', '/metrics'), 200);
  t.equal(await statusOf('open', '/api/v1/status'), 401);
  t.equal(await statusOf('off', '/metrics'), 404);
});

async function serve(t: { teardown(fn: () => unknown): void }, config: AdminConfig, clock = new FakeClock()) {
  const events = new EventFeed({ epochMs: () => 0 });
  const server = new AdminServer({ source: new FakeAdminSource(), clock, epochMs: () => 0, events }, config);
  const where = await server.start();
  t.teardown(() => server.stop());
  return { where, clock, events, port: where.startsWith('http') ? Number(new URL(where).port) : 0 };
}

/** Status and peer certificate of a GET over TLS. */
function getTls(port: number, options: https.RequestOptions): Promise<{ status: number; sts: unknown; peer: string }> {
  return new Promise((resolve, reject) => {
    https
      .get({ host: '127.0.0.1', port, path: '/healthz', agent: false, ...options }, (response) => {
        const { subject } = (response.socket as tls.TLSSocket).getPeerCertificate();
        response.resume();
        resolve({
          status: response.statusCode!,
          sts: response.headers['strict-transport-security'],
          peer: String(subject.CN),
        });
      })
      .on('error', reject);
  });
}

t.test('over TLS, with a certificate that is renewed', async (t) => {
  const one = selfSigned(folder, 'one');
  const two = selfSigned(folder, 'two');
  const tlsFiles = {
    cert: file('tls.pem', readFileSync(one.cert, 'utf8')),
    key: file('tls.key', readFileSync(one.key, 'utf8')),
  };
  const tokenFile = file('tls-tokens', line('ann', 'admin', 'right'));
  const { port, clock, events } = await serve(t, { listen: { host: '0.0.0.0', port: 0 }, tls: tlsFiles, tokenFile });
  const ca = [readFileSync(one.cert), readFileSync(two.cert)];
  t.match(await getTls(port, { ca }), { status: 200, sts: /max-age/, peer: 'one' });
  t.equal((await getTls(port, { ca, path: '/metrics' })).status, 401);
  t.equal((await getTls(port, { ca, path: '/metrics', headers: { authorization: 'Bearer right' } })).status, 200);
  await t.rejects(getTls(port, { ca, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }));

  file('tls.pem', readFileSync(two.cert, 'utf8'));
  clock.advance(10_000);
  t.equal((await getTls(port, { ca })).peer, 'one', 'it does not fit the key');
  t.match(events.before(undefined, 1), [
    { type: 'alarm', data: { kind: 'admin-tls' }, message: /from before stays in use/ },
  ]);
  file('tls.key', readFileSync(two.key, 'utf8'));
  clock.advance(10_000);
  t.equal((await getTls(port, { ca })).peer, 'two');
});

t.test('with certificates of clients', async (t) => {
  const own = selfSigned(folder, 'server');
  const client = selfSigned(folder, 'operator');
  const stranger = selfSigned(folder, 'stranger');
  const config = { listen: { host: '0.0.0.0', port: 0 }, tls: { ...own, clientCa: client.cert } };
  const { port } = await serve(t, config);
  const ca = readFileSync(own.cert);
  const as = (files: { cert: string; key: string }) => ({
    ca,
    cert: readFileSync(files.cert),
    key: readFileSync(files.key),
  });
  t.equal((await getTls(port, { ...as(client), path: '/metrics' })).status, 200);
  await t.rejects(getTls(port, { ca }));
  await t.rejects(getTls(port, as(stranger)));
});

t.test('what keeps it from starting', async (t) => {
  const { cert, key } = selfSigned(folder, 'start');
  const open = { host: '0.0.0.0', port: 0 };
  const tokenFile = file('start-tokens', line('ann', 'admin', 'x'));
  await t.rejects(serve(t, { listen: open, tls: { cert, key } }), {
    code: 'ADMIN_EXPOSED',
    message: /set admin\.token_file/,
  });
  await t.rejects(serve(t, { listen: open, tokenFile }), { code: 'ADMIN_EXPOSED', message: /set admin\.tls/ });
  const listen = { host: '127.0.0.1', port: 0 };
  const missing = { cert, key: join(folder, 'none') };
  await t.rejects(serve(t, { listen, tls: missing }), {
    code: 'ADMIN_TLS',
    message: /none: there is no such file/,
  });
  const other = { cert, key: selfSigned(folder, 'other').key };
  await t.rejects(serve(t, { listen, tls: other }), {
    code: 'ADMIN_TLS',
    message: /is not that of the first certificate/,
  });
});

t.test('a socket file is for its owner, unless the config says otherwise', async (t) => {
  const path = join(folder, 'admin.sock');
  const first = await serve(t, { listen: { path } });
  t.equal(first.where, path);
  t.equal(statSync(path).mode & 0o777, 0o600);
  const shared = join(folder, 'shared.sock');
  await serve(t, { listen: { path: shared }, socketMode: 0o660 });
  t.equal(statSync(shared).mode & 0o777, 0o660);
});

t.test('what is too large, too slow or elsewhere', async (t) => {
  const app = adminAppOf(new FakeAdminSource());
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => app.close());
  const { port } = app.server.address() as net.AddressInfo;
  const talk = (...parts: (string | Buffer)[]) =>
    new Promise<string>((resolve) => {
      let answer = '';
      const socket = net.connect(port, '127.0.0.1');
      socket.on('data', (data) => {
        answer += data;
      });
      socket.on('error', () => {}).on('close', () => resolve(answer));
      for (const part of parts) socket.write(part);
    });
  const post =
    'POST /api/v1/config/validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n';
  t.match(await talk(`${post}Content-Length: 10485760\r\n\r\n`, Buffer.alloc(10_485_760)), /^HTTP\/1\.1 413 /);
  for (const path of [
    '/../../etc/passwd',
    '/assets/../../etc/passwd',
    '/assets/..%2f..%2fetc%2fpasswd',
    '//etc/passwd',
    '/%2e%2e/package.json',
  ]) {
    const answer = await talk(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    t.match(answer, /^HTTP\/1\.1 40[04] /, path);
    t.notMatch(answer, /root:|"version"/);
  }
  // As it is in use, but for how long a test wants to wait.
  app.server.headersTimeout = 50;
  app.server.requestTimeout = 50;
  t.match(await talk('GET /healthz HTTP/1.1\r\nHost: loc'), /^HTTP\/1\.1 408 /, 'a head that does not end');
  t.match(await talk(`${post}Content-Length: 100\r\n\r\n`, '{"text'), /^HTTP\/1\.1 408 /, 'a body that does not end');
});
