import fc from 'fast-check';
import t from 'tap';
import { MostFree } from '../../../lb/source/most-free.ts';
import { RoundRobin } from '../../../lb/source/round-robin.ts';

const updates = (sources: number) =>
  fc.array(fc.record({ source: fc.nat(sources - 1), free: fc.nat(3), picks: fc.nat(3) }), {
    maxLength: 60,
    size: 'max',
  });
const SIZES = [1, 2, 3, 4, 31, 32, 33, 65, 100];

t.test('most-free: the first of those with most, for any number of sources', async () => {
  for (const sources of SIZES) {
    fc.assert(
      fc.property(updates(sources), (steps) => {
        const strategy = new MostFree(sources);
        const free = new Array<number>(sources).fill(0);
        for (const step of steps) {
          free[step.source] = step.free;
          strategy.update(step.source, step.free);
          const most = Math.max(...free);
          if (strategy.pick() !== (most === 0 ? -1 : free.indexOf(most))) return false;
        }
        return true;
      }),
      { numRuns: 50 },
    );
  }
});

t.test('round-robin: the next with a free port, for any number of sources', async () => {
  for (const sources of SIZES) {
    fc.assert(
      fc.property(updates(sources), (steps) => {
        const strategy = new RoundRobin(sources);
        const free = new Array<number>(sources).fill(0);
        let next = 0;
        for (const step of steps) {
          free[step.source] = step.free;
          strategy.update(step.source, step.free);
          for (let i = 0; i < step.picks; i++) {
            const order = free.map((_, offset) => (next + offset) % sources);
            const expected = order.find((source) => free[source]! > 0) ?? -1;
            if (strategy.pick() !== expected) return false;
            if (expected >= 0) next = (expected + 1) % sources;
          }
        }
        return true;
      }),
      { numRuns: 50 },
    );
  }
});
