import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { KeptLoad } from '../fixtures/kept-load.ts';
import { pids, prepareSuccession } from '../fixtures/succession.ts';

const AFTERWARDS = 500;

t.test('an upgrade under load: every process is another one, and no request notices', async (t) => {
  const { port, start, status } = await prepareSuccession(t);
  const portico = await start();
  const before = await status();
  const load = new KeptLoad(port, 8);
  await load.some(AFTERWARDS);
  portico.child.kill('SIGUSR2');
  await portico.until(/plane-1 .*has finished/);
  await portico.until(/plane-2 .*has finished/);
  await load.some(AFTERWARDS);
  await load.stop();
  t.same(load.failures, []);
  const after = await status();
  t.equal(after.planes.length, 2);
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
  writeFileSync(file, 'listeners: 3');
  portico.child.kill('SIGUSR2');
  await portico.until(/listeners is 3/);
  await portico.until(/the new process ended \(exit status 1\); this one goes on/);
  writeFileSync(file, good);
  await load.some(AFTERWARDS);
  await load.stop();
  t.same(load.failures, []);
  t.same(pids((await status()).planes), pids(before.planes));
  portico.child.kill('SIGTERM');
  await portico.ended();
});
