import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { getText } from '../fixtures/get-text.ts';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { sumOf } from '../fixtures/prometheus-sum.ts';
import { RawClient } from '../fixtures/raw-client.ts';

const CLIENTS = 120;
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

t.test('a plane whose descriptors are taken away and given back', async (t) => {
  const backend = http.createServer((_, response) => response.end('served'));
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  t.teardown(() => backend.close());
  const [port, admin] = await freePorts();
  const portico = new PorticoProcess([
    'run',
    '-c',
    writeConfig(`
planes: 1
drain_timeout: 1s
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends:
  - name: app
    health: { path: /, interval: 100ms }
    servers: [{ address: "127.0.0.1:${(backend.address() as AddressInfo).port}" }]
`),
  ]);
  t.teardown(() => portico.child.kill('SIGKILL'));
  await portico.until(/Portico is running\./);
  const { planes } = JSON.parse((await getText(admin, '/api/v1/status')).body) as { planes: { pid: number }[] };
  const { pid } = planes[0]!;
  const open = readdirSync(`/proc/${pid}/fd`).length;
  const setLimit = (soft: number): void => {
    execFileSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:`]);
  };
  const metrics = async (): Promise<string> => (await getText(admin, '/metrics')).body;
  const until = async (test: (text: string) => boolean): Promise<string> => {
    for (;;) {
      const text = await metrics();
      if (test(text)) return text;
    }
  };
  const isAnswered = ({ received }: RawClient): boolean => received.includes('served');
  const connect = (): RawClient[] => {
    const clients = Array.from({ length: CLIENTS }, () => new RawClient(port).send(REQUEST));
    t.teardown(() => clients.map((client) => client.close()));
    return clients;
  };

  setLimit(open + 100);
  await until((text) => sumOf(text, 'portico_plane_descriptors_limit') === open + 100);
  const clients = connect();
  await portico.until(/plane-1 accepts no connection until others end: \d+ of \d+ descriptors/);
  const full = await until((text) => sumOf(text, 'portico_plane_accept_paused') === 1);
  t.ok(sumOf(full, 'portico_plane_descriptors') <= open + 100);
  t.equal(sumOf(full, 'portico_server_up'), 1);
  // Fewer than there are in use.
  setLimit(open + 20);
  const more = connect();
  const scarce = await until((text) => sumOf(text, 'portico_plane_accept_paused') === 1);
  t.equal(sumOf(scarce, 'portico_server_up'), 1);
  setLimit(4096);
  for (const client of [...clients, ...more]) await client.until((text) => text.includes('served'));
  t.ok([...clients, ...more].every(isAnswered), 'everybody who waited is served');
  const after = await metrics();
  t.equal(sumOf(after, 'portico_plane_accept_paused'), 0);
  t.ok(sumOf(after, 'portico_plane_accept_pauses_total', 'reason="descriptors"') > 0);
  t.equal(sumOf(after, 'portico_plane_restarts_total'), 0);
  await portico.until(/plane-1 accepts connections again/);
  portico.child.kill('SIGTERM');
  t.equal(await portico.ended(), 0);
});
