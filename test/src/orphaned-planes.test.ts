import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { isRunning } from '../../src/process-facts.ts';
import { getText } from '../fixtures/get-text.ts';
import { kill, pids, prepareSuccession } from '../fixtures/succession.ts';

t.test('a plane that is stopped, or that dies while there is no primary, is replaced', async (t) => {
  const { port, start, status } = await prepareSuccession(t);
  const first = await start();
  const before = await status();
  process.kill(before.planes[0]!.pid, 'SIGSTOP');
  await first.until(/plane-1 does not answer and is killed/);
  await first.until(/plane-1 died \(SIGKILL\)[\s\S]*plane-1 accepts/);
  const replaced = await status();
  t.not(replaced.planes[0]!.pid, before.planes[0]!.pid);
  t.equal(replaced.planes[1]!.pid, before.planes[1]!.pid);
  // One is stopped and one is gone when the next primary comes.
  process.kill(replaced.planes[0]!.pid, 'SIGSTOP');
  await kill(first);
  process.kill(replaced.workers[0]!.pid, 'SIGKILL');
  const second = await start();
  t.match(second.stderr, /plane-1 \(process \d+\) of an earlier run did not answer and was killed/);
  const after = await status();
  t.equal(after.planes[1]!.pid, before.planes[1]!.pid);
  t.notOk(isRunning(replaced.planes[0]!.pid));
  t.equal((await getText(port, '/')).status, 200);
  second.child.kill('SIGTERM');
  await new Promise((resolve) => second.child.once('exit', resolve));
});

t.test('workers of a backend that the next primary does not know end with the planes that used them', async (t) => {
  const { port, file, start, status } = await prepareSuccession(t);
  const first = await start();
  const before = await status();
  await kill(first);
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace('backend: app', 'backend: other').replace('name: app', 'name: other'),
  );
  const second = await start();
  t.equal((await getText(port, '/')).status, 200);
  await second.until(/plane-1 \(process \d+\) of an earlier run has finished/);
  while (pids(before.workers).some(isRunning)) await new Promise((resolve) => setImmediate(resolve));
  t.equal((await getText(port, '/')).status, 200);
  second.child.kill('SIGTERM');
  await new Promise((resolve) => second.child.once('exit', resolve));
});

t.test('without a primary, planes end when they are told to', async (t) => {
  const { port, start, status } = await prepareSuccession(t);
  const portico = await start();
  const { planes, workers } = await status();
  await kill(portico);
  t.equal((await getText(port, '/')).status, 200, 'served all the same');
  for (const pid of [...pids(planes), ...pids(workers)]) process.kill(pid, 'SIGTERM');
  for (;;) {
    const error = await getText(port, '/').catch((cause: NodeJS.ErrnoException) => cause);
    if ('code' in error && error.code === 'ECONNREFUSED') break;
  }
  t.pass('nobody listens any more');
});

t.test('with outlive_primary: 0 nothing goes on', async (t) => {
  const { port, start } = await prepareSuccession(t, 'outlive_primary: 0\n');
  const portico = await start();
  await kill(portico);
  for (;;) {
    const error = await getText(port, '/').catch((cause: NodeJS.ErrnoException) => cause);
    if ('code' in error && error.code === 'ECONNREFUSED') break;
  }
  t.pass('nobody listens any more');
});
