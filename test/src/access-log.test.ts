import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { exchangeRaw } from '../fixtures/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

const configText = (port: number, admin: number, file: string): string => `
planes: 2
drain_timeout: 2s
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${port}", access_log: { file: "${file}" }, routes: [{ answer: { body: hi } }, { backend: app }] }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:1" }] }]
`;

t.test('logs of a running Portico are moved away on SIGUSR1, and whole at its end', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'portico-log-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'access.log');
  const [port, admin] = await freePorts();
  const portico = new PorticoProcess(['run', '-c', writeConfig(configText(port, admin, file))]);
  t.teardown(() => portico.child.kill('SIGKILL'));
  await portico.until(/Portico is running\./);
  const lines = (name: string): number => readFileSync(name, 'latin1').split('\n').length - 1;
  for (let i = 0; i < 20; i++) t.match(await exchangeRaw(port, GET), /\r\n\r\nhi$/);
  while (lines(file) < 20) await new Promise((resolve) => setImmediate(resolve));
  renameSync(file, `${file}.1`);
  portico.child.kill('SIGUSR1');
  while (!existsSync(file)) await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 20; i++) await exchangeRaw(port, GET);
  portico.child.kill('SIGTERM');
  t.equal(await portico.ended(), 0);
  t.equal(lines(file) + lines(`${file}.1`), 40, 'the last ones too');
  for (const line of readFileSync(file, 'latin1').trimEnd().split('\n')) t.doesNotThrow(() => JSON.parse(line));
  t.notMatch(portico.stderr, /Debugger/i);
});

t.test('a log that cannot be written is said at the start', async (t) => {
  const [port, admin] = await freePorts();
  const portico = new PorticoProcess(['run', '-c', writeConfig(configText(port, admin, '/nowhere/access.log'))]);
  t.equal(await portico.ended(), 1);
  t.equal(
    portico.stderr.trimEnd().split('\n').at(-1),
    'portico: the access log of listener "web" cannot be written: the folder of /nowhere/access.log is not there; create it.',
  );
});
