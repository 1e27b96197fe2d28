import { chmodSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import type { AdminConfig } from '../../config/config.ts';
import { type PortsCommandDeps, showPorts } from '../../src/ports-command.ts';
import { adminServerOf } from '../fixtures/admin-app.ts';
import { FakeAdminSource, portUse, sourceStatus } from '../fixtures/fake-admin-source.ts';
import { FakeClock } from '../fixtures/fake-clock.ts';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

function fileWith(text: string): string {
  const file = join(temporaryFolder(), 'token');
  writeFileSync(file, text);
  chmodSync(file, 0o600);
  return file;
}

async function adminServer(t: Tap, config: AdminConfig): Promise<FakeAdminSource> {
  const source = new FakeAdminSource();
  source.list = [sourceStatus({ ports: 64_512 })];
  source.use = [portUse({ 8: 128, 9: 64 })];
  const server = adminServerOf(source, config);
  await server.start();
  t.teardown(() => server.stop());
  return source;
}

type Tap = { teardown(fn: () => unknown): void };

const once = { isJson: false, isAscii: false, isWatching: false };

/** Runs the command in this process; resolves with what it printed. */
async function show(
  admin: AdminConfig,
  options: Partial<Parameters<typeof showPorts>[2]> = {},
  deps: Partial<PortsCommandDeps & { out: Partial<PortsCommandDeps['out']> }> = {},
): Promise<string> {
  let text = '';
  const out = { ...deps.out, write: (part: string) => (text += part) };
  await showPorts({ clock: new FakeClock(), env: { LANG: 'C.UTF-8' }, ...deps, out }, admin, { ...once, ...options });
  return text;
}

t.test('over a socket file, with a token', async (t) => {
  const listen = { path: join(temporaryFolder(), 'admin.sock') };
  const tokenFile = fileWith('secret\n');
  const source = await adminServer(t, { listen, tokenFile });
  const text = await show({ listen, tokenFile }, { source: '127.0.1.1', destination: '127.0.0.1:1' });
  t.match(text, /^SOURCE .*\n127\.0\.1\.1 127\.0\.0\.1:1 ▂▁+ +192\/0\/0\/64320 never\n$/);
  t.same(source.asked, [{ source: '127.0.1.1', destination: '127.0.0.1:1', limit: 101 }]);
  t.match(JSON.parse(await show({ listen, tokenFile }, { isJson: true })), { ports: [{ used: 192, free: 64_320 }] });
  await t.rejects(show({ listen }), {
    code: 'ADMIN_TOKEN',
    message: /asks for a token; set PORTICO_TOKEN, or admin\.token_file/,
  });
  const wrong = fileWith('other');
  await t.rejects(show({ listen, tokenFile: wrong }), { code: 'ADMIN_TOKEN', message: /refused the token in / });
  const hashed = fileWith('ann admin sha256:00\n');
  await t.rejects(show({ listen, tokenFile: hashed }), { code: 'ADMIN_TOKEN', message: /`portico token NAME`/ });
  const env = { LANG: 'C.UTF-8', PORTICO_TOKEN: 'secret' };
  t.match(await show({ listen, tokenFile: hashed }, {}, { env }), /^SOURCE /);
  const wrongEnv = { env: { PORTICO_TOKEN: 'other' } };
  await t.rejects(show({ listen, tokenFile }, {}, wrongEnv), { message: /refused the token in PORTICO_TOKEN/ });
  await t.rejects(show({ listen }, {}, { env: { PORTICO_TOKEN: 'a b' } }), { message: /one token/ });
  await t.rejects(show({ listen, tokenFile: '/nowhere' }), { code: 'ADMIN_TOKEN', message: /ENOENT/ });
});

t.test('locale and terminal decide on characters and colours', async (t) => {
  const listen = { path: join(temporaryFolder(), 'admin.sock') };
  await adminServer(t, { listen });
  const isAscii = async (env: Record<string, string>, option = false): Promise<boolean> =>
    /^[\n -~]+$/.test(await show({ listen }, { isAscii: option }, { env }));
  t.notOk(await isAscii({ LANG: 'en_US.UTF-8' }));
  t.notOk(await isAscii({ LANG: 'C', LC_ALL: 'C.utf8' }));
  t.ok(await isAscii({}));
  t.ok(await isAscii({ LANG: 'C.UTF-8', LC_ALL: 'C' }));
  t.ok(await isAscii({ LANG: 'C.UTF-8' }, true));
  const isColoured = async (isTTY: boolean, env: Record<string, string>): Promise<boolean> =>
    (await show({ listen }, {}, { env, out: { isTTY } } as never)).includes('\u001b[');
  t.ok(await isColoured(true, {}));
  t.ok(await isColoured(true, { NO_COLOR: '' }));
  t.notOk(await isColoured(true, { NO_COLOR: '1' }));
  t.notOk(await isColoured(false, {}));
});

t.test('watching', async (t) => {
  const listen = { path: join(temporaryFolder(), 'admin.sock') };
  await adminServer(t, { listen });
  const clock = new FakeClock();
  const stopped = new AbortController();
  const printed: string[] = [];
  let onPrint = (): void => {};
  const out = {
    isTTY: true,
    write: (text: string) => {
      printed.push(text);
      onPrint();
    },
  };
  const print = (): Promise<void> => new Promise((resolve) => (onPrint = resolve));
  let next = print();
  const running = showPorts({ clock, out, env: {} }, { listen }, { ...once, isWatching: true, signal: stopped.signal });
  await next;
  while (clock.pending === 0) await new Promise(setImmediate);
  next = print();
  clock.advance(2000);
  await next;
  while (clock.pending === 0) await new Promise(setImmediate);
  stopped.abort();
  await running;
  t.equal(clock.pending, 0);
  t.equal(printed.length, 2);
  for (const text of printed) t.ok(text.startsWith('\u001b[H\u001b[2J'));
});

t.test('what is not there, or is no Portico', async (t) => {
  const [port] = await freePorts();
  const tcp = { listen: { host: '127.0.0.1', port } };
  const notRunning = { code: 'ADMIN_UNREACHABLE', message: new RegExp(`not running at 127\\.0\\.0\\.1:${port};`) };
  await t.rejects(show(tcp), notRunning);
  await t.rejects(show({ listen: { path: join(temporaryFolder(), 'no.sock') } }), {
    message: /not running at .*no\.sock;/,
  });
  const answers: ((response: http.ServerResponse) => void)[] = [
    (response) => response.writeHead(404).end('{}'),
    (response) => response.end('<html>'),
    (response) => response.destroy(),
  ];
  const server = http.createServer((_request, response) => answers.shift()!(response)).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const other = { listen: { host: '127.0.0.1', port: (server.address() as AddressInfo).port } };
  await t.rejects(show(other), { code: 'ADMIN_ANSWER', message: /no Portico of this version \(status 404\)/ });
  await t.rejects(show(other), { code: 'ADMIN_ANSWER', message: /no JSON/ });
  await t.rejects(show(other), { code: 'ADMIN_UNREACHABLE', message: /does not answer \(ECONNRESET\)/ });
});

t.test('against a Portico that runs', async (t) => {
  const [port, admin] = await freePorts();
  const file = writeConfig(`
planes: 1
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends: [{ name: app, workers: { module: builtin:echo, count: 1 } }]
`);
  const ports = async (...args: string[]) => {
    const command = new PorticoProcess(['ports', '-c', file, ...args]);
    t.teardown(() => command.child.kill('SIGKILL'));
    return { status: await command.ended(), stdout: command.stdout, stderr: command.stderr };
  };
  t.match(await ports(), { status: 1, stdout: '', stderr: /^portico: Portico is not running at 127\.0\.0\.1:\d+;/ });
  t.match(await ports('extra'), { status: 2, stderr: /ports takes no "extra"/ });
  const portico = new PorticoProcess(['run', '-c', file]);
  t.teardown(() => portico.child.kill('SIGKILL'));
  await portico.until(/Portico is running\./);
  await (await fetch(`http://127.0.0.1:${port}/`)).text();
  t.match(await ports(), { status: 0, stderr: '', stdout: /^(?:SOURCE |No source port is in use)/ });
  const json = await ports('--json');
  t.equal(json.status, 0);
  t.ok(Array.isArray((JSON.parse(json.stdout) as { ports: unknown }).ports));
  const watch = new PorticoProcess(['ports', '-c', file, '--watch']);
  t.teardown(() => watch.child.kill('SIGKILL'));
  await watch.until(/\n/);
  watch.child.kill('SIGINT');
  t.equal(await watch.ended(), 0, 'Ctrl-C is how watching ends');
  portico.child.kill('SIGTERM');
  t.equal(await portico.ended(), 0);
});
