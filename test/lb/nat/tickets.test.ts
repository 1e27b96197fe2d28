import fc from 'fast-check';
import t from 'tap';
import { TargetSteering } from '../../../lb/nat/target-steering.ts';
import { drawTickets, safeCount } from '../../../lb/nat/tickets.ts';

const run = (i: number) => ({ address: '10.0.0.1', first: 1024 + i * 128, last: 1024 + i * 128 + 127 });
const turnsOf = (order: readonly number[]): Map<number, number> => {
  const turns = new Map<number, number>();
  for (const i of order) turns.set(i, (turns.get(i) ?? 0) + 1);
  return turns;
};

t.test('few free ports: one ticket for each, turn about', async (t) => {
  const tickets = drawTickets(
    [
      { run: run(0), free: 3 },
      { run: run(1), free: 0 },
      { run: run(2), free: 1 },
    ],
    { most: 100 },
  );
  t.same(tickets.runs, [run(0), run(2)]);
  t.same(tickets.order, [0, 1, 0, 0]);
  t.equal(tickets.isLimited, true);
  t.same(drawTickets([], { most: 100 }).order, []);
});

t.test('many: the freest take turns', async (t) => {
  const tickets = drawTickets(
    [
      { run: run(0), free: 128 },
      { run: run(1), free: 64 },
      { run: run(2), free: 10 },
    ],
    { most: 100 },
  );
  t.equal(tickets.isLimited, false);
  t.same(tickets.runs, [run(0), run(1)], 'one that is nearly full waits');
  t.same(
    [...turnsOf(tickets.order)],
    [
      [0, 4],
      [1, 2],
    ],
  );
  t.equal(
    safeCount(tickets, ({ first }) => (first === 1024 ? 128 : 64)),
    192,
  );
});

t.test('no ticket for a port that is not free; what is said to be safe is', async (t) => {
  const frees = fc.array(fc.integer({ min: 0, max: 128 }), { maxLength: 200 });
  fc.assert(
    fc.property(frees, fc.integer({ min: 1, max: 2000 }), (free, most) => {
      const tickets = drawTickets(
        free.map((each, i) => ({ run: run(i), free: each })),
        { most },
      );
      const freeOf = ({ first }: { first: number }): number => free[(first - 1024) / 128]!;
      const total = free.reduce((sum, each) => sum + each, 0);
      if (tickets.isLimited) {
        t.equal(tickets.order.length, total);
        for (const [i, turns] of turnsOf(tickets.order)) t.equal(turns, freeOf(tickets.runs[i]!));
        return;
      }
      t.ok(tickets.order.length > 0);
      const taken = new Map<number, number>();
      const safe = safeCount(tickets, freeOf);
      for (let i = 0; i < safe; i++) {
        const at = tickets.order[i % tickets.order.length]!;
        taken.set(at, (taken.get(at) ?? 0) + 1);
      }
      for (const [i, count] of taken) t.ok(count <= freeOf(tickets.runs[i]!));
    }),
    { numRuns: 200 },
  );
});

t.test('between two readings, the counter says which runs connections are on', async (t) => {
  const steering = new TargetSteering({ canEvict: false });
  const runs = [
    { address: '10.0.0.1', first: 1024, last: 1025 },
    { address: '10.0.0.2', first: 1024, last: 1024 },
  ];
  const options = { soon: 0, most: 100 };
  t.equal(steering.redraw(runs, options), 3);
  steering.onCounters([0, 0]);
  steering.onCounters([0, 2]);
  t.same([steering.freeOf(runs[0]!), steering.freeOf(runs[1]!)], [1, 0]);
  t.equal(steering.isOpen, true);
  steering.onCounters([0, 3]);
  t.equal(steering.redraw(runs, options), 0);
  t.equal(steering.isOpen, false, 'all are taken');

  steering.beginReading();
  steering.ports.mark('10.0.0.1', 1025, false);
  steering.endReading();
  t.equal(steering.redraw(runs, options), 2, 'two have come back');
  t.equal(steering.isOpen, true);
  steering.beginReading();
  steering.onCounters([0, 3]);
  steering.onCounters([1, 3]);
  steering.ports.mark('10.0.0.1', 1025, false);
  steering.endReading();
  t.equal(
    runs.reduce((sum, each) => sum + steering.freeOf(each), 0),
    1,
    'opened while it was read: not free',
  );
});

t.test(
  'connections under way while tickets change are known to have gone by the old ones, and their ports are last in line',
  async (t) => {
    const steering = new TargetSteering({ canEvict: false });
    const [one, two] = [run(0), { ...run(1), last: run(1).first + 11 }];
    const options = { soon: 3, most: 200 };
    steering.redraw([one], options);
    steering.onCounters([0, 100]);
    steering.redraw([one, two], options);
    t.equal(steering.tickets.order.length, 40, 'every free port has a ticket');
    t.same(
      steering.tickets.order.slice(-3).map((i) => steering.tickets.runs[i]),
      [one, one, one],
    );
    steering.onCounters([1, 102]);
    t.equal(steering.freeOf(one) + steering.freeOf(two), 40 - 3);
    t.equal(steering.drawn, 1, 'of the new ones, one is gone');
  },
);

t.test('rules that are made anew begin with the first ticket, and draw anew', async (t) => {
  const steering = new TargetSteering({ canEvict: false });
  const options = { soon: 0, most: 200 };
  const only = run(0);
  steering.redraw([only], options);
  steering.onCounters([0, 28]);
  const { serial } = steering;
  steering.onReset();
  steering.redraw([only], options);
  t.same([steering.serial, steering.drawn, steering.tickets.order.length], [serial + 1, 0, 100]);
  steering.onCounters([1, 0]);
  t.equal(steering.freeOf(only), 99, 'none of the new table is missed');
});

t.test('a connection opened while the table is read is not counted twice, whether it was read or not', async (t) => {
  for (const isRead of [true, false]) {
    const steering = new TargetSteering({ canEvict: false });
    const only = run(0);
    steering.redraw([only], { soon: 0, most: 200 });
    steering.onCounters([0, 10]);
    steering.beginReading();
    for (let i = 0; i < (isRead ? 15 : 10); i++) steering.ports.mark(only.address, only.first + i, false);
    steering.onCounters([0, 15]);
    steering.endReading();
    t.equal(steering.freeOf(only), 128 - 15);
  }
});

t.test('a reading that was cut short changes nothing', async (t) => {
  const steering = new TargetSteering({ canEvict: false });
  const [only] = [run(0)];
  steering.beginReading();
  steering.ports.mark(only.address, only.first, false);
  steering.ports.mark(only.address, only.first + 1, true);
  steering.endReading();
  steering.beginReading();
  steering.failReading();
  t.same(steering.ports.countsOf(only), { used: 1, quarantined: 1 });
  t.equal(steering.freeOf(only), 126);
});

t.test('where all ports are taken or rest, resting ones are given out if the kernel evicts them', async (t) => {
  for (const canEvict of [true, false]) {
    const steering = new TargetSteering({ canEvict });
    const only = run(0);
    steering.beginReading();
    for (let i = 0; i < 128; i++) steering.ports.mark(only.address, only.first + i, i < 40);
    steering.endReading();
    t.equal(steering.redraw([only], { soon: 0, most: 100 }), canEvict ? 24 : 0);
  }
});
