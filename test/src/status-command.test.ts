import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import t from 'tap';
import { digestOf, formatToken } from '../../admin/access/token-line.ts';
import type { AdminConfig } from '../../config/config.ts';
import { columns } from '../../src/columns.ts';
import { showStatus, showTop } from '../../src/status-command.ts';
import { renderTick } from '../../src/status-text.ts';
import { adminServerOf } from '../fixtures/admin-app.ts';
import { FakeAdminSource } from '../fixtures/fake-admin-source.ts';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { selfSigned } from '../fixtures/self-signed.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-status-'));
t.teardown(() => rmSync(folder, { recursive: true }));

async function status(admin: AdminConfig, env: Record<string, string> = {}, isJson = false): Promise<string> {
  let text = '';
  await showStatus({ out: { write: (part) => (text += part) }, env }, admin, isJson);
  return text;
}

t.test('columns', async (t) => {
  t.equal(
    columns(
      ['NAME', 'N', 'MIXED'],
      [
        ['a', 1, 5],
        ['longer', 100, 'x'],
      ],
    ),
    'NAME      N  MIXED\na         1  5\nlonger  100  x\n',
  );
});

t.test('how it stands, over a socket file and over TLS with a hashed token', async (t) => {
  const certificate = selfSigned(folder, 'status');
  const tokenFile = join(folder, 'tokens');
  writeFileSync(tokenFile, formatToken({ name: 'ann', role: 'read-only', digest: digestOf('right') }));
  const [port] = await freePorts();
  const overTls: AdminConfig = { listen: { host: '0.0.0.0', port }, tls: certificate, tokenFile };
  const overSocket: AdminConfig = { listen: { path: join(folder, 'admin.sock') } };
  for (const config of [overTls, overSocket]) {
    const server = adminServerOf(new FakeAdminSource(), config);
    await server.start();
    t.teardown(() => server.stop());
  }
  const text = await status(overSocket);
  t.match(text, /^Portico 1\.2\.3, process 1, up 5 s, ready\n\nLISTENER +ENGINE/);
  t.match(text, /\nweb +http +127\.0\.0\.1:80 +2 +1\n/);
  t.match(text, /\napp +127\.0\.0\.1:1 +ready +ejected +1 +1 +2\n/);
  t.match(text, /\nplane-1 +2 +ready +3\napp-1 +- +not ready +4\n$/);
  t.match(JSON.parse(await status(overSocket, {}, true)), { version: '1.2.3' });
  t.equal(await status(overTls, { PORTICO_TOKEN: 'right' }), text);
  await t.rejects(status(overTls), { code: 'ADMIN_TOKEN', message: /`portico token NAME`/ });
  const other = selfSigned(folder, 'impostor');
  await t.rejects(status({ ...overTls, tls: other }, { PORTICO_TOKEN: 'right' }), {
    code: 'ADMIN_UNREACHABLE',
    message: /another certificate/,
  });
});

t.test('with the certificate of a client; nothing is said to whoever has another one than is expected', async (t) => {
  const own = selfSigned(folder, 'own');
  const client = selfSigned(folder, 'client');
  const stranger = selfSigned(folder, 'stranger');
  const [port] = await freePorts();
  const config: AdminConfig = { listen: { host: '127.0.0.1', port }, tls: { ...own, clientCa: client.cert } };
  const server = adminServerOf(new FakeAdminSource(), config);
  await server.start();
  t.teardown(() => server.stop());
  const as = ({ cert, key }: typeof own) => ({ PORTICO_CLIENT_CERT: cert, PORTICO_CLIENT_KEY: key });
  t.match(await status(config, as(client)), /^Portico 1\.2\.3/);
  for (const env of [{}, as(stranger)]) {
    await t.rejects(status(config, env), { code: 'ADMIN_CERTIFICATE', message: /set PORTICO_CLIENT_CERT/ });
  }
  await t.rejects(status(config, as({ cert: join(folder, 'none'), key: own.key })), {
    code: 'ADMIN_CERTIFICATE',
    message: /none cannot be read \(ENOENT\)/,
  });

  const heard: Buffer[] = [];
  const impostor = tls.createServer({ cert: readFileSync(stranger.cert), key: readFileSync(stranger.key) }, (socket) =>
    socket.on('data', (data) => heard.push(data)).on('error', () => {}),
  );
  await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve));
  const closed = new Promise((resolve) => impostor.once('connection', (socket) => socket.once('close', resolve)));
  const there: AdminConfig = {
    listen: { host: '127.0.0.1', port: (impostor.address() as AddressInfo).port },
    tls: own,
  };
  await t.rejects(status(there, { PORTICO_TOKEN: 'precious' }), { message: /another certificate/ });
  await closed;
  t.equal(Buffer.concat(heard).toString(), '', 'no token, nor anything else');
  await new Promise((resolve) => impostor.close(resolve));
});

t.test('a tick as text', async (t) => {
  const tick = {
    time: '2026-01-02T03:04:05.678Z',
    uptime_seconds: 7300,
    ready: false,
    connections: 12,
    websockets: 1,
    connections_per_second: 0,
    requests_per_second: 1234.56,
    errors_per_second: 0.26,
    p50_seconds: 0.00123,
    p99_seconds: 1.25,
    bytes_in_per_second: 0,
    bytes_out_per_second: 0,
    retries_per_second: 0,
    exhausted_per_second: 0,
    waiting: 3,
    listeners: [],
    backends: [
      {
        name: 'app',
        servers: 3,
        available: 2,
        active: 4,
        idle: 5,
        requests_per_second: 9.96,
        errors_per_second: 0,
        p50_seconds: null,
        p99_seconds: 0.05,
      },
    ],
    planes: [{ id: 'plane-1', ready: true, cpu: 0.256, resident_bytes: 50 * 1024 ** 2, event_loop_lag_seconds: 0.02 }],
    ports: {
      used: 7,
      quarantined: 8,
      free: 9,
      first_to_run_out: { pool: 'p', destination: 'd', exhaustion_seconds: 90, add_addresses: 1 },
    },
  };
  const text = renderTick(tick);
  t.match(text, /^Portico, up 2 h, NOT READY, 03:04:05 UTC\n/);
  t.match(
    text,
    /\n1235 requests\/s, 0\.3 errors\/s, p50 1\.2 ms, p99 1\.3 s, 12 connections, 1 WebSockets, 3 waiting\n/,
  );
  t.match(text, /\nsource ports: 7 used, 8 resting; ports of p towards d run out in 90 s\n/);
  t.match(text, /\napp +10 +0 +- +50 ms +2\/3 +4 +5\n/);
  t.match(text, /\nplane-1 +26 % +50\.0 MiB +20 ms\n$/);
});

t.test('against a Portico that runs', async (t) => {
  const [port, admin] = await freePorts();
  const file = writeConfig(`
planes: 1
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends: [{ name: app, workers: { module: builtin:echo, count: 1 } }]
`);
  const run = (...args: string[]) => {
    const command = new PorticoProcess([...args, '-c', file]);
    t.teardown(() => command.child.kill('SIGKILL'));
    return command;
  };
  const early = run('top');
  t.equal(await early.ended(), 1);
  t.match(early.stderr, /not running at/);
  const portico = run('run');
  await portico.until(/Portico is running\./);
  const once = run('status');
  t.equal(await once.ended(), 0);
  t.match(once.stdout, /, ready\n[\s\S]*app-1 .* ready/);
  const top = run('top');
  await top.until(/PLANE[\s\S]*PLANE/);
  top.child.kill('SIGINT');
  t.equal(await top.ended(), 0, 'Ctrl-C is how watching ends');
  const json = run('top', '--json');
  await json.until(/\n/);
  t.type((JSON.parse(json.stdout.split('\n')[0]!) as { requests_per_second: number }).requests_per_second, 'number');
  portico.child.kill('SIGTERM');
  t.equal(await portico.ended(), 0);
  t.equal(await json.ended(), 1);
  t.match(json.stderr, /Portico has stopped/);
});

t.test('what is no Portico', async (t) => {
  const server = adminServerOf(new FakeAdminSource(), { listen: { path: join(folder, 'gone.sock') } });
  await t.rejects(status({ listen: { path: join(folder, 'gone.sock') } }), { code: 'ADMIN_UNREACHABLE' });
  await server.stop();
  const stopped = new AbortController();
  stopped.abort();
  const deps = { out: { write: () => {} }, env: {} };
  const listen = { path: join(folder, 'gone.sock') };
  await t.resolves(
    showTop(deps, { listen }, { isJson: false, signal: stopped.signal }),
    'told to stop before it began',
  );
});
