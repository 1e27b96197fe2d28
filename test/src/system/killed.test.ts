import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { plainDemand } from '../../../src/system/demand.ts';
import { Machine } from '../../../src/system/machine.ts';
import { everything, FEW, removeRoot, scratchRoot, snapshot, tunerOf } from '../../fixtures/scratch-machine.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}.js`, import.meta.url));

const applied = (() => {
  const root = scratchRoot();
  tunerOf(new Machine(root)).apply(everything, { only: FEW });
  const files = snapshot(root);
  removeRoot(root);
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [path.slice(root.length), text]));
})();

const relative = (root: string): Record<string, string | null> =>
  Object.fromEntries(Object.entries(snapshot(root)).map(([path, text]) => [path.slice(root.length), text]));

for (const what of ['apply', 'undo'] as const) {
  t.test(`killed at each step of ${what}`, async (t) => {
    let isDone = false;
    for (let at = 1; !isDone; at++) {
      const root = scratchRoot();
      const before = snapshot(root);
      const tuner = tunerOf(new Machine(root));
      if (what === 'undo') tuner.apply(everything, { only: FEW });
      const { signal, status } = spawnSync(process.execPath, [fixture('killed-tuner'), root, what, String(at)]);
      isDone = signal === null;
      if (isDone) {
        t.equal(status, 0);
        t.ok(at > 12, `${at} steps`);
      }
      if (at % 2 === 0) {
        tuner.apply(everything, { only: FEW });
        t.strictSame(relative(root), applied, `applied after a death at step ${at} of ${what}`);
      }
      tuner.undo();
      t.strictSame(snapshot(root), before, `undone after a death at step ${at} of ${what}`);
      removeRoot(root);
    }
  });
}

t.test('one at a time, and the lock dies with who has it', async (t) => {
  const root = scratchRoot();
  t.teardown(() => removeRoot(root));
  const before = snapshot(root);
  const holder = spawn(process.execPath, [fixture('lock-holder'), root], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  const tuner = tunerOf(new Machine(root));
  for (const run of [() => tuner.apply(everything), () => tuner.undo()]) {
    t.throws(run, { code: 'SYSTEM_LOCKED', retryable: true });
  }
  t.equal(tuner.apply(everything, { isDryRun: true }).left.length > 0, true, 'looking is free');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  tuner.apply(everything, { only: FEW });
  t.equal(tuner.inspect(everything).journal, 'applied');
  tuner.undo();
  t.strictSame(snapshot(root), before);
});

t.test('two commands at the same moment', async (t) => {
  const root = scratchRoot();
  t.teardown(() => removeRoot(root));
  const before = snapshot(root);
  const main = fileURLToPath(new URL('../../../src/main.js', import.meta.url));
  const runs = await Promise.all(
    [1, 2].map(async () => {
      const child = spawn(process.execPath, [main, 'apply', '--yes', '--root', root], { cwd: root });
      let stderr = '';
      child.stderr.on('data', (data) => {
        stderr += data;
      });
      const [status] = await once(child, 'close');
      return { status: status as number, stderr };
    }),
  );
  t.ok(runs.some(({ status }) => status === 0));
  for (const { status, stderr } of runs) if (status !== 0) t.match(stderr, /another apply or undo is under way/);
  const done = snapshot(root);
  const tuner = tunerOf(new Machine(root));
  t.strictSame(tuner.apply(plainDemand(200_000)).changed, [], 'all is done');
  t.strictSame(snapshot(root), done);
  tuner.undo();
  t.strictSame(snapshot(root), before);
});
