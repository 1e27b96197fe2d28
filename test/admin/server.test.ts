import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { AdminConfig } from '../../config/config.ts';
import { adminServerOf } from '../fixtures/admin-app.ts';
import { FakeAdminSource } from '../fixtures/fake-admin-source.ts';
import { parsePrometheusText } from '../fixtures/prometheus-text.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-admin-'));
t.teardown(() => rmSync(folder, { recursive: true }));
const source = new FakeAdminSource();
const serverOf = (listen: AdminConfig['listen'], tokenFile?: string) =>
  adminServerOf(source, tokenFile === undefined ? { listen } : { listen, tokenFile });
const anyPort = { host: '127.0.0.1', port: 0 };

/** Status of a GET over the unix socket at `path`. */
const getLocal = (path: string, url: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    http
      .get({ socketPath: path, path: url }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
      .on('error', reject);
  });

t.test('over TCP', async (t) => {
  const server = serverOf(anyPort);
  const url = await server.start();
  t.teardown(() => server.stop());
  t.equal((await fetch(`${url}/healthz`)).status, 200);
  const families = parsePrometheusText(await (await fetch(`${url}/metrics`)).text());
  t.ok(families.has('portico_primary_process_start_time_seconds'));
  t.ok(families.has('portico_primary_process_resident_memory_bytes'));
  t.ok(families.has('portico_requests_total'));

  const port = Number(new URL(url).port);
  await t.rejects(serverOf({ host: '127.0.0.1', port }).start(), {
    code: 'ADMIN_LISTEN',
    message: `the admin address 127.0.0.1:${port} is in use; stop the program that has it or change admin.listen.`,
  });
  await Promise.all([server.stop(), server.stop()]);
  await server.stop();
  await t.rejects(fetch(`${url}/healthz`));
  t.equal((await fetch(`${await server.start()}/metrics`)).status, 200, 'starts again');
});

t.test('a stop does not wait for clients that stay', async () => {
  const server = serverOf(anyPort);
  const { port } = new URL(await server.start());
  const client = net.connect(Number(port), '127.0.0.1');
  await new Promise((resolve) => client.once('connect', resolve));
  client.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await new Promise((resolve) => client.once('data', resolve));
  const closed = new Promise((resolve) => client.once('close', resolve));
  await server.stop();
  await closed;
});

t.test('what is not HTTP, and a probe of HTTP/1.0', async (t) => {
  const server = serverOf(anyPort);
  const { port } = new URL(await server.start());
  t.teardown(() => server.stop());
  const send = (text: string) =>
    new Promise<string>((resolve) => {
      let answer = '';
      net
        .connect(Number(port), '127.0.0.1')
        .on('data', (data) => {
          answer += data;
        })
        .on('error', () => {})
        .on('close', () => resolve(answer))
        .write(text);
    });
  const malformed = await send('nonsense\r\n\r\n');
  t.match(malformed, /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json\r\n/);
  const [, body] = malformed.split('\r\n\r\n');
  t.match(JSON.parse(body!), { type: 'about:blank', title: 'Bad Request', status: 400 });
  t.match(await send(`GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  t.match(await send('GET /healthz HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /);
});

t.test('over a unix socket', async (t) => {
  const path = join(folder, 'admin.sock');
  const server = serverOf({ path });
  t.equal(await server.start(), path);
  t.teardown(() => server.stop());
  t.equal(await getLocal(path, '/readyz'), 200);
  t.equal(await getLocal(path, '/metrics'), 200);
  await t.rejects(serverOf({ path }).start(), {
    code: 'ADMIN_LISTEN',
    message: `the admin address ${path} is in use; stop the program that has it or change admin.listen.`,
  });
  t.equal(await getLocal(path, '/healthz'), 200, 'the one that listens is left alone');
  await server.stop();
  t.notOk(existsSync(path));
});

t.test('a socket file that a killed process left behind', async (t) => {
  const path = join(folder, 'stale.sock');
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  t.ok(existsSync(path));
  const server = serverOf({ path });
  await server.start();
  t.equal(await getLocal(path, '/healthz'), 200);
  await server.stop();

  const file = join(folder, 'file');
  writeFileSync(file, 'precious');
  await t.rejects(serverOf({ path: file }).start(), { code: 'ADMIN_LISTEN' });
  t.ok(existsSync(file), 'what is not a socket is left alone');
  await t.rejects(serverOf({ path: join(folder, 'none', 'admin.sock') }).start(), {
    code: 'ADMIN_LISTEN',
    message: /cannot listen on .*\((?:ENOENT|EACCES)\)/,
  });
});

t.test('token files that are of no use', async (t) => {
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  await t.rejects(serverOf(anyPort, join(folder, 'missing')).start(), { code: 'ADMIN_TOKEN', message: /ENOENT/ });
  await t.rejects(serverOf(anyPort, write('empty', ' \n')).start(), { code: 'ADMIN_TOKEN', message: /is empty/ });
  await t.rejects(serverOf(anyPort, write('two', 'a\nb\n')).start(), {
    code: 'ADMIN_TOKEN',
    message: /no token in line 1/,
  });

  const server = serverOf(anyPort, write('token', 'secret\n'));
  const url = await server.start();
  t.teardown(() => server.stop());
  const status = async (headers: Record<string, string>) => (await fetch(`${url}/metrics`, { headers })).status;
  t.equal(await status({}), 401);
  t.equal(await status({ authorization: 'Bearer secret' }), 200, 'one in plain is good enough on this machine');
});
