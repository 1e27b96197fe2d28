import { mkdtempSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createAdminApp } from '../../admin/app.ts';
import { AdminServer } from '../../admin/server.ts';
import { FakeAdminSource } from '../fixtures/fake-admin-source.ts';

const host = { host: '127.0.0.1:9797' };

t.test('routes', async (t) => {
  const source = new FakeAdminSource();
  const app = createAdminApp(source, { token: undefined });
  const get = async (url: string) => {
    const { statusCode, headers, body } = await app.inject({ url, headers: host });
    return { status: statusCode, type: String(headers['content-type']), body };
  };
  t.match(await get('/healthz'), { status: 200, body: '{"status":"ok"}' });
  t.match(await get('/readyz'), { status: 200, body: '{"status":"ready","reasons":[]}' });
  source.reasons = ['draining'];
  t.match(await get('/readyz'), { status: 503, body: '{"status":"not ready","reasons":["draining"]}' });
  t.match(await get('/'), { status: 200, type: /^text\/html/, body: /href="\/metrics"/ });
  t.match(JSON.parse((await get('/api/v1/status')).body), {
    version: '1.2.3',
    ready: false,
    listeners: [{ name: 'web', bind: '127.0.0.1:80', connections: 2, webSockets: 1 }],
    planes: [{ id: 'plane-1', pid: 2, restarts: 3 }],
    workers: [{ id: 'app-1', pid: null, restarts: 4 }],
    backends: [{ name: 'app', servers: [{ id: '127.0.0.1:1', healthy: true, state: 'ready' }] }],
    ports: [{ source: '127.0.1.1', destination: '127.0.0.1:1', free: 100, used: 1, quarantined: 3, unusable: 1 }],
  });
  const missing = await get('/nothing');
  t.match(missing, { status: 404, type: /^application\/problem\+json/ });
  t.match(JSON.parse(missing.body), {
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    detail: 'There is nothing at GET /nothing.',
  });
});

t.test('a page that reached this server under another name gets nothing', async (t) => {
  const app = createAdminApp(new FakeAdminSource(), { token: undefined });
  const status = async (name: string) => (await app.inject({ url: '/metrics', headers: { host: name } })).statusCode;
  for (const name of ['127.0.0.1', 'localhost:9797', 'LOCALHOST', '[::1]:9797', '10.0.0.1:1'])
    t.equal(await status(name), 200, name);
  for (const name of ['evil.example', 'localhost.evil.example:9797', '127.0.0.1.evil.example', 'x'])
    t.equal(await status(name), 421, name);
});

t.test('a token is asked for, but not by the probes', async (t) => {
  const app = createAdminApp(new FakeAdminSource(), { token: 'secret' });
  const status = async (url: string, authorization?: string) =>
    (await app.inject({ url, headers: { ...host, ...(authorization === undefined ? {} : { authorization }) } }))
      .statusCode;
  t.equal(await status('/healthz'), 200);
  t.equal(await status('/readyz'), 200);
  for (const given of [undefined, 'Bearer', 'Bearer wrong', 'Basic secret', 'Bearer secret2', 'secret']) {
    t.equal(await status('/metrics', given), 401, String(given));
  }
  t.equal(await status('/metrics', 'Bearer secret'), 200);
});

t.test('listening', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'portico-admin-'));
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'secret\n');
  const source = new FakeAdminSource();
  const server = new AdminServer(source, { listen: { host: '127.0.0.1', port: 0 } });
  const url = await server.start();
  t.equal((await fetch(`${url}/healthz`)).status, 200);
  const port = Number(new URL(url).port);
  await t.rejects(new AdminServer(source, { listen: { host: '127.0.0.1', port } }).start(), {
    code: 'ADMIN_LISTEN',
    message: `the admin address 127.0.0.1:${port} is in use; stop the program that has it or change admin.listen.`,
  });
  await server.stop();
  await server.stop();
  await t.rejects(fetch(`${url}/healthz`));

  const path = join(folder, 'admin.sock');
  const local = new AdminServer(source, { listen: { path } });
  await local.start();
  const status = await new Promise((resolve, reject) => {
    http
      .get({ socketPath: path, path: '/healthz', headers: { host: 'localhost' } }, (response) =>
        resolve(response.statusCode),
      )
      .on('error', reject);
  });
  t.equal(status, 200);
  await local.stop();

  await t.rejects(new AdminServer(source, { listen: { host: '0.0.0.0', port: 0 } }).start(), { code: 'ADMIN_EXPOSED' });
  await t.rejects(
    new AdminServer(source, { listen: { host: '0.0.0.0', port: 0 }, tokenFile: join(folder, 'none') }).start(),
    {
      code: 'ADMIN_TOKEN',
    },
  );
  const open = new AdminServer(source, { listen: { host: '0.0.0.0', port: 0 }, tokenFile });
  const base = `http://127.0.0.1:${new URL(await open.start()).port}`;
  t.equal((await fetch(`${base}/metrics`)).status, 401);
  t.equal((await fetch(`${base}/metrics`, { headers: { authorization: 'Bearer secret' } })).status, 200);
  await open.stop();
});
