import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { GarbageCollector } from './garbage-collector.ts';

const BYTES = 50 << 20;
const LEAVES_GARBAGE = `
let text = [];
for (let i = 0; i < ${BYTES / 64}; i++) text.push(new Array(6).fill(i));
text = undefined;
process.on('message', () => process.send(process.memoryUsage().heapUsed));
process.send(process.memoryUsage().heapUsed);
`;

async function heapOf(child: ChildProcess): Promise<number> {
  const [bytes] = (await once(child, 'message')) as [number];
  return bytes;
}

t.test('what nobody uses any more is gone, and the process goes on', async (t) => {
  const child = spawn(process.execPath, ['-e', LEAVES_GARBAGE], {
    stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
    // No collection of its own while it fills its memory.
    env: { ...process.env, NODE_OPTIONS: `${GarbageCollector.NODE_OPTIONS} --max-semi-space-size=128` },
  });
  t.teardown(() => child.kill('SIGKILL'));
  const before = await heapOf(child);
  const collector = new GarbageCollector();
  for (let i = 0; i < 2; i++) {
    const { objectBytes, codeBytes } = await collector.collect(child.pid!);
    const answer = heapOf(child);
    child.send('how much?');
    const used = await answer;
    t.ok(used < before - BYTES / 2, `time ${i + 1}`);
    t.ok(codeBytes > 0 && objectBytes > 0);
    t.ok(
      Math.abs(objectBytes + codeBytes - used) < BYTES / 50,
      `it says how much is left: ${objectBytes} and ${codeBytes} of ${used}`,
    );
  }
  child.disconnect();
  t.same(await once(child, 'exit'), [0, null], 'it does not wait for a debugger at its end');
});

t.test('a process without a debugger is told apart', async (t) => {
  await t.rejects(new GarbageCollector().collect(process.pid), { message: /listens for no debugger/ });
});
