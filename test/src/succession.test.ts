import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../lb/clock.ts';
import { openChannel } from '../../lb/control/channel.ts';
import { loadPipeBinding } from '../../lb/net/pipe-binding.ts';
import { EventLog } from '../../src/event-log.ts';
import { Succession } from '../../src/succession.ts';

const binding = loadPipeBinding();

function prepare(t: Test) {
  const directory = mkdtempSync(join(tmpdir(), 'portico-run-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const lineage = { binding, directory, release: 'test', outliveMs: 1000, heartbeatMs: 1000 };
  const create = (pid: number, onSuccessor: () => void = () => {}): Succession => {
    const succession = new Succession({ clock: systemClock, log: new EventLog(), pid, onSuccessor }, lineage);
    t.teardown(() => succession.close());
    return succession;
  };
  return { path: join(directory, 'primary.sock'), create };
}

t.test('a primary that is just ending is not in the way of the next', async (t) => {
  const { path, create } = prepare(t);
  let met = 0;
  // It hangs up on the first two that come, and is gone after the second.
  const ending = net.createServer((socket) => {
    socket.destroy();
    if (++met === 2) ending.close();
  });
  await new Promise<void>((resolve) => ending.listen(path, resolve));
  await create(2).open(false);
  t.equal(met, 2);
  // It can be met where the other one was.
  const channel = await openChannel(binding, path);
  t.same(await new Promise((resolve) => (channel.onMessage = resolve)), { type: 'here', pid: 2 });
  channel.close();
});

t.test('one that is there is disturbed by an upgrade alone', async (t) => {
  const { create } = prepare(t);
  let asked = 0;
  await create(1, () => asked++).open(false);
  await t.rejects(create(2).open(false), { message: /another Portico \(process 1\) runs with this config; stop it/ });
  t.equal(asked, 0);
});
