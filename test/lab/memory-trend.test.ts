import t from 'tap';
import { Random } from '../fuzz/random.ts';
import { memoryTrends } from './memory-trend.ts';

const MINUTE_MS = 60_000;
const MIB = 2 ** 20;

/** An hour of samples around 100 MiB, one a minute. */
function samples(pid: number, bytesPerHour: number, noise: number, count = 60) {
  const random = new Random(pid);
  return Array.from({ length: count }, (_, i) => ({
    name: `plane-${pid}`,
    pid,
    atMs: i * MINUTE_MS,
    bytes: 100 * MIB + (bytesPerHour * i) / 60 + (random.next() - 0.5) * noise,
  }));
}

t.test('a leak is a slope, noise is none', async (t) => {
  const [leak, noise] = memoryTrends([...samples(1, 20 * MIB, 2 * MIB), ...samples(2, 0, 10 * MIB)]);
  t.equal(leak?.isFlat, false);
  t.ok(Math.abs(leak!.bytesPerHour - 20 * MIB) < 2 * MIB, `${leak!.bytesPerHour}`);
  t.equal(noise?.isFlat, true);
  t.ok(Math.abs(leak!.medianBytes - 110 * MIB) < 2 * MIB);
});

t.test('a process that was there for a moment says nothing', async (t) => {
  t.same(memoryTrends(samples(1, 0, 0, 9)), []);
});
