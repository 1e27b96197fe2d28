import t from 'tap';
import { isRunning } from '../../src/process-facts.ts';
import { KeptLoad } from '../fixtures/kept-load.ts';
import { kill, pids, prepareSuccession } from '../fixtures/succession.ts';

// It waits for two spare planes, ten seconds each, and on a machine that is busy with other things processes take a while to start.
t.setTimeout(240_000);
t.test('a plane that is killed is replaced by the spare one, and another one stands by', async (t) => {
  const { port, start, status } = await prepareSuccession(t);
  const portico = await start();
  await portico.until(/a spare plane \(process \d+\) stands by/);
  const spare = Number(/a spare plane \(process (\d+)\)/.exec(portico.stderr)![1]);
  const before = await status();
  t.notOk(pids(before.planes).includes(spare), 'it is no plane yet');
  process.kill(before.planes[0]!.pid, 'SIGKILL');
  await portico.until(/plane-1 died[\s\S]*plane-1 accepts/);
  const after = await status();
  t.equal(after.planes[0]!.pid, spare);
  t.equal(after.planes[1]!.pid, before.planes[1]!.pid);
  const load = new KeptLoad(port, 4);
  await load.some(100);
  await portico.until(new RegExp(`a spare plane \\(process (?!${spare}\\))\\d+\\) stands by`));
  const [, second] = /stands by[\s\S]*a spare plane \(process (\d+)\) stands by/.exec(portico.stderr)!;
  // The next primary finds it as the plane that it has become, and the one that stands by ends.
  await kill(portico);
  const next = await start();
  t.same(pids((await status()).planes), pids(after.planes));
  await load.some(100);
  await load.stop();
  t.same(load.failures, []);
  t.notOk(isRunning(Number(second)));
  next.child.kill('SIGTERM');
  await next.ended();
});
