import fc from 'fast-check';
import t from 'tap';
import { addressesToAdd } from '../../../lb/forecast/addresses-to-add.ts';
import { busyAfter, exhaustionSeconds } from '../../../lb/forecast/exhaustion-seconds.ts';

const never = Number.POSITIVE_INFINITY;

t.test('known cases', async (t) => {
  const cases: [leaseRate: number, holdSeconds: number, busy: number, capacity: number, seconds: number][] = [
    [0, 10, 0, 100, never],
    [0, never, 99, 100, never],
    [0, never, 100, 100, 0],
    [5, 10, 120, 100, 0],
    [5, 10, 0, 0, 0],
    [10, 10, 0, 100, never],
    [10, 10, 99, 100, never],
    [10, never, 0, 100, 10],
    [10, never, 50, 100, 5],
    [20, 10, 0, 100, 10 * Math.log(2)],
    [20, 10, 50, 100, 10 * Math.log(1.5)],
    [5, 0, 0, 100, never],
  ];
  for (const [leaseRate, holdSeconds, busy, capacity, seconds] of cases) {
    const found = exhaustionSeconds({ leaseRate, holdSeconds, busy, capacity });
    const what = `rate ${leaseRate}, hold ${holdSeconds}, ${busy} of ${capacity}`;
    if (Number.isFinite(seconds)) t.ok(Math.abs(found - seconds) < 1e-9, `${what}: ${found}`);
    else t.equal(found, seconds, what);
  }
});

t.test('a very long hold is a straight line', async (t) => {
  const flow = { leaseRate: 10, busy: 50, capacity: 100 };
  t.ok(Math.abs(exhaustionSeconds({ ...flow, holdSeconds: 1e12 }) - 5) < 1e-6);
});

const flows = fc.record({
  leaseRate: fc.double({ min: 0.1, max: 1000, noNaN: true }),
  holdSeconds: fc.double({ min: 0.5, max: 600, noNaN: true }),
  busy: fc.nat(5000),
  capacity: fc.integer({ min: 1, max: 5000 }),
});

t.test('it is when the integrated equation runs out', async () => {
  fc.assert(
    fc.property(flows, (flow) => {
      const { leaseRate, holdSeconds, busy, capacity } = flow;
      const seconds = exhaustionSeconds(flow);
      if (busy >= capacity) return seconds === 0;
      if (seconds === never) return leaseRate * holdSeconds <= capacity;
      // Midpoint steps, with no use of the closed form.
      const steps = 4000;
      const step = seconds / steps;
      let n = busy;
      for (let i = 0; i < steps; i++) {
        const half = n + (step / 2) * (leaseRate - n / holdSeconds);
        n += step * (leaseRate - half / holdSeconds);
      }
      return Math.abs(n - capacity) < 1e-3 * capacity + 1e-2;
    }),
  );
});

t.test('more load is never later, more ports never earlier', async () => {
  fc.assert(
    fc.property(flows, fc.nat(500), (flow, more) => {
      const seconds = exhaustionSeconds(flow);
      const slack = 1e-9 * (1 + (Number.isFinite(seconds) ? seconds : 0));
      return (
        exhaustionSeconds({ ...flow, leaseRate: flow.leaseRate + more }) <= seconds + slack &&
        exhaustionSeconds({ ...flow, capacity: flow.capacity + more }) >= seconds - slack
      );
    }),
  );
});

t.test('addresses to add', async (t) => {
  const flow = { leaseRate: 10, holdSeconds: 10, busy: 100, capacity: 200 };
  t.equal(addressesToAdd(flow, 100), 0, '50 % at equilibrium');
  t.equal(addressesToAdd({ ...flow, leaseRate: 16 }, 100), 0, '80 %');
  t.equal(addressesToAdd({ ...flow, leaseRate: 17 }, 100), 1, '85 %');
  t.equal(addressesToAdd({ ...flow, leaseRate: 40 }, 100), 3, 'twice what there is');
  const linear = { leaseRate: 1, holdSeconds: never, busy: 0, capacity: 1000 };
  t.equal(addressesToAdd({ ...linear, leaseRate: 6 }, 1000), 4, '3600 in ten minutes');
  t.equal(addressesToAdd({ ...flow, leaseRate: 0, busy: 200 }, 100), 1, 'none free');
  t.equal(addressesToAdd(flow, 0), 0, 'addresses without ports are no help');
});

t.test('as many as advised are enough, one less is not', async () => {
  fc.assert(
    fc.property(flows, fc.integer({ min: 10, max: 5000 }), (flow, size) => {
      fc.pre(flow.busy < flow.capacity);
      const add = addressesToAdd(flow, size);
      const settled = busyAfter(flow, 1e9);
      const share = (addresses: number): number => settled / (flow.capacity + addresses * size);
      return share(add) <= 0.8 + 1e-9 && (add === 0 || share(add - 1) > 0.8 - 1e-9);
    }),
  );
});
