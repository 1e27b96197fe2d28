import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import t from 'tap';
import { KeptLoad } from '../fixtures/kept-load.ts';
import { PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { pids, prepareSuccession } from '../fixtures/succession.ts';

const AFTERWARDS = 500;

t.test('an upgrade under load: every process is another one, and no request notices', async (t) => {
  const { port, file, start, status } = await prepareSuccession(t);
  const portico = await start();
  const before = await status();
  const load = new KeptLoad(port, 8);
  await load.some(AFTERWARDS);
  const upgrade = new PorticoProcess(['upgrade', '-c', file]);
  t.equal(await upgrade.ended(), 0, upgrade.stderr);
  await portico.until(/plane-1 .*has finished/);
  await portico.until(/plane-2 .*has finished/);
  await load.some(AFTERWARDS);
  await load.stop();
  t.same(load.failures, []);
  const after = await status();
  t.equal(after.planes.length, 2);
  t.match(upgrade.stdout, `process ${after.pid} (`);
  const old = new Set([...pids(before.planes), ...pids(before.workers)]);
  for (const pid of [...pids(after.planes), ...pids(after.workers)]) t.notOk(old.has(pid), `process ${pid} is new`);
  process.kill(after.pid, 'SIGTERM');
  await portico.ended();
});

t.test('an upgrade that cannot start leaves all as it was, and says why', async (t) => {
  const { port, file, start, status } = await prepareSuccession(t);
  const portico = await start();
  const before = await status();
  const load = new KeptLoad(port, 8);
  const good = readFileSync(file, 'utf8');
  // A port that somebody has: the file is good, and what it asks for cannot be.
  const taken = net.createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const more = `listeners:\n  - { name: more, bind: "127.0.0.1:${(taken.address() as net.AddressInfo).port}", backend: app }\n`;
  writeFileSync(file, good.replace('listeners: [', `${more}  - `).replace(/backend: app }\]\n/, 'backend: app }\n'));
  const upgrade = new PorticoProcess(['upgrade', '-c', file]);
  t.equal(await upgrade.ended(), 1, upgrade.stdout);
  t.match(upgrade.stderr, /the upgrade failed, and nothing has changed: the new process ended \(exit status 1\)/);
  await portico.until(/port \d+ is in use by another program/);
  taken.close();
  writeFileSync(file, good);
  await load.some(AFTERWARDS);
  await load.stop();
  t.same(load.failures, []);
  t.same(pids((await status()).planes), pids(before.planes));
  portico.child.kill('SIGTERM');
  await portico.ended();
});

t.test('an upgrade that nobody is left of says so', async (t) => {
  // What a primary answers, and then dies of the signal.
  const program = `
    const server = require('node:http').createServer((request, response) =>
      response.end(JSON.stringify(request.url === '/api/v1/status' ? { pid: process.pid, version: '0.1.0' } : { events: [] })));
    server.listen(0, '127.0.0.1', () => console.log(server.address().port));`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const [port] = await once(child.stdout, 'data');
  const file = writeConfig(`
admin: { listen: "127.0.0.1:${Number(port)}" }
listeners: [{ name: web, bind: "127.0.0.1:8080", backend: app }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:9001" }] }]
`);
  const upgrade = new PorticoProcess(['upgrade', '-c', file]);
  t.equal(await upgrade.ended(), 1, upgrade.stdout);
  t.match(upgrade.stderr, `process ${child.pid} has ended, and nobody has taken over; the log of Portico says why.`);
});
