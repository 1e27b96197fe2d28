import t from 'tap';
import { adminAppOf } from '../fixtures/admin-app.ts';
import { FakeAdminSource } from '../fixtures/fake-admin-source.ts';

const appOf = (options: Parameters<typeof adminAppOf>[2]) => adminAppOf(new FakeAdminSource(), {}, options);

t.test('a page that reached a local server under another name gets nothing', async (t) => {
  const app = appOf({ token: undefined, isLocalOnly: true });
  const get = (url: string, host: string) => app.inject({ url, headers: { host } });
  const fine = ['127.0.0.1', '127.0.0.1:9797', '127.9.9.9:1', 'localhost:9797', 'LOCALHOST', '[::1]:9797', '[::1]'];
  for (const host of fine) t.equal((await get('/metrics', host)).statusCode, 200, host);
  const foreign = [
    'evil.example',
    'localhost.evil.example:9797',
    'evil.localhost',
    '127.0.0.1.evil.example',
    '127.evil.example',
    'localhost:9797:1',
    'localhost@evil.example',
    '10.0.0.1:9797',
    '[fe80::1]',
    '[127.0.0.1',
    'x',
  ];
  for (const host of foreign) t.equal((await get('/metrics', host)).statusCode, 421, host);
  const problem = await get('/nothing', 'evil.example');
  t.equal(problem.statusCode, 421, 'before any route is looked at');
  t.match(problem.headers['content-type'], /^application\/problem\+json/);
  t.equal((await get('/healthz', 'evil.example')).statusCode, 421);
});

t.test('a server for others answers to any name, and asks for a token', async (t) => {
  const app = appOf({ token: 'secret', isLocalOnly: false });
  const headers = { host: 'lb1.example:9797', authorization: 'Bearer secret' };
  t.equal((await app.inject({ url: '/metrics', headers })).statusCode, 200);
  t.equal((await app.inject({ url: '/metrics', headers: { host: headers.host } })).statusCode, 401);
});

t.test('a token is asked for, but not by the probes', async (t) => {
  const app = appOf({ token: 'secret', isLocalOnly: true });
  const get = (url: string, authorization?: string) =>
    app.inject({ url, headers: { host: 'localhost', ...(authorization === undefined ? {} : { authorization }) } });
  for (const url of ['/healthz', '/readyz', '/healthz?a=1', '/readyz?']) t.equal((await get(url)).statusCode, 200, url);
  for (const given of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer wrong',
    'Basic secret',
    'Bearer secret2',
    'secret',
  ]) {
    const { statusCode, headers } = await get('/metrics', given);
    t.equal(statusCode, 401, String(given));
    t.equal(headers['www-authenticate'], 'Bearer');
    t.match(headers['content-type'], /^application\/problem\+json/);
  }
  for (const url of ['/api/v1/status', '/api/v1/sources', '/nothing', '/healthz/x', '/HEALTHZ']) {
    t.equal((await get(url)).statusCode, 401, url);
  }
  // The scheme is case-insensitive (RFC 9110 section 11.1).
  for (const given of ['Bearer secret', 'bearer secret'])
    t.equal((await get('/metrics', given)).statusCode, 200, given);
});
