import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { isRunning } from '../../src/process-facts.ts';
import { KeptLoad } from '../fixtures/kept-load.ts';
import { kill, pids, prepareSuccession } from '../fixtures/succession.ts';

const KILLS = 2;

t.test('the primary is killed again and again under load, and no request notices', async (t) => {
  const { port, start, status, requests } = await prepareSuccession(t);
  let portico = await start();
  const before = await status();
  const load = new KeptLoad(port, 8);
  for (let i = 0; i < KILLS; i++) {
    await load.some(200);
    const counted = await requests();
    await kill(portico);
    await load.some(200);
    portico = await start();
    const after = await status();
    t.same(pids(after.planes), pids(before.planes), 'the planes go on');
    t.same(pids(after.workers), pids(before.workers), 'the workers go on');
    t.equal(after.ready, true);
    t.ok((await requests()) >= counted + 200, 'counters survive');
  }
  await load.stop();
  t.same(load.failures, []);
  for (;;) if ((await status()).ports.every(({ used }) => used <= 2)) break;
  portico.child.kill('SIGTERM');
  await new Promise((resolve) => portico.child.once('exit', resolve));
  for (const pid of [...pids(before.planes), ...pids(before.workers)]) {
    t.notOk(isRunning(pid), `process ${pid}`);
  }
});

t.test('a primary with another config replaces the planes without a failed request', async (t) => {
  const { port, file, start, status } = await prepareSuccession(t);
  const first = await start();
  const before = await status();
  const load = new KeptLoad(port, 8);
  await load.some(200);
  await kill(first);
  await load.some(200);
  const text = `# changed\nplanes: 3\n${readFileSync(file, 'utf8').replace('planes: 2\n', '')}`;
  writeFileSync(file, text.replace('interval: 200ms', 'interval: 300ms'));
  const second = await start();
  const after = await status();
  t.equal(after.planes.length, 3);
  for (const pid of pids(before.planes)) t.notOk(pids(after.planes).includes(pid), 'another plane');
  await second.until(/plane-1 \(process \d+\) of an earlier run has finished/);
  await second.until(/plane-2 \(process \d+\) of an earlier run has finished/);
  await load.some(200);
  await load.stop();
  t.same(load.failures, []);
  second.child.kill('SIGTERM');
  await new Promise((resolve) => second.child.once('exit', resolve));
});
