import fc from 'fast-check';
import t from 'tap';
import type { OutlierConfig } from '../../../config/config.ts';
import { OutlierDetector } from '../../../lb/health/outlier-detector.ts';

const CONFIG: OutlierConfig = {
  failuresInARow: 3,
  failurePercent: 50,
  minRequests: 10,
  intervalMs: 10_000,
  ejectionMs: 30_000,
  maxEjectionMs: 70_000,
  maxEjectedPercent: 50,
  statuses: [],
};

function detectorOf(ids: readonly string[], config: Partial<OutlierConfig> = {}, random = 0) {
  let nowMs = 0;
  let changes = 0;
  const detector = new OutlierDetector(
    { random: () => random, now: () => nowMs, onChange: () => changes++ },
    { ...CONFIG, ...config },
  );
  detector.setEligible(new Set(ids));
  return {
    detector,
    /** As the plane's tick does, without leaps. */
    advance: (ms: number): void => {
      for (const end = nowMs + ms; nowMs < end; ) {
        nowMs = Math.min(end, nowMs + 1000);
        detector.tick(nowMs);
      }
    },
    fail: (id: string, times = 3): void => {
      for (let i = 0; i < times; i++) detector.track(id).failure();
    },
    ejected: (): string => ids.filter((id) => detector.isEjected(id)).join(''),
    changes: (): number => changes,
  };
}

t.test('failures in a row eject at once, and a success between them counts from anew', async (t) => {
  const { detector, fail, ejected, changes } = detectorOf(['a', 'b']);
  fail('a', 2);
  detector.track('a').success();
  fail('a', 2);
  t.equal(ejected(), '');
  fail('a', 1);
  t.equal(ejected(), 'a');
  t.equal(changes(), 1);
  fail('a', 10);
  t.equal(changes(), 1, 'requests that were under way change nothing');
});

t.test('each ejection is longer than the one before, up to a limit, until quiet intervals are forgiven', async (t) => {
  const { fail, ejected, advance, detector } = detectorOf(['a', 'b']);
  for (const seconds of [30, 60, 70, 70]) {
    fail('a');
    t.equal(ejected(), 'a');
    advance((seconds - 1) * 1000);
    t.equal(ejected(), 'a', `still out after ${seconds - 1} s`);
    advance(1000);
    t.equal(ejected(), '', `back after ${seconds} s`);
  }
  advance(60_000);
  fail('a');
  advance(30_000);
  t.equal(ejected(), '', 'the past is forgotten');
  t.equal(detector.track('a').ejectionsTotal, 5);
});

t.test('planes bring a server back at different moments', async (t) => {
  const { fail, ejected, advance } = detectorOf(['a', 'b'], {}, 0.99);
  fail('a');
  advance(32_000);
  t.equal(ejected(), 'a');
  advance(1000);
  t.equal(ejected(), '');
});

t.test('a share of failures ejects at the end of the interval, where there were requests enough', async (t) => {
  const { detector, ejected, advance } = detectorOf(['a', 'b', 'c', 'd'], { failuresInARow: 0 });
  const run = (id: string, successes: number, failures: number): void => {
    for (let i = 0; i < failures; i++) detector.track(id).failure();
    for (let i = 0; i < successes; i++) detector.track(id).success();
  };
  run('a', 5, 5);
  run('b', 6, 5);
  run('c', 0, 9);
  t.equal(ejected(), '');
  advance(10_000);
  t.equal(ejected(), 'a', 'not b with fewer failures, not c with too few requests');
});

t.test('never more than the share; when the others become fewer, the first ejected comes back first', async (t) => {
  const { detector, fail, ejected, advance } = detectorOf(['a', 'b', 'c', 'd', 'e']);
  fail('d');
  advance(1000);
  fail('b');
  fail('c');
  t.equal(ejected(), 'bd', 'two of five');
  detector.setEligible(new Set(['b', 'd', 'e']));
  t.equal(ejected(), 'b');
  detector.setEligible(new Set(['b']));
  t.equal(ejected(), '', 'a lone server stays, whatever it does');
  fail('b', 100);
  t.equal(ejected(), '');
});

t.test('whatever happens, the share holds', async (t) => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('fail' as const), id: fc.nat(5) }),
    fc.record({ kind: fc.constant('pass' as const), id: fc.nat(5) }),
    fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 100_000 }) }),
    fc.record({ kind: fc.constant('eligible' as const), mask: fc.nat(63) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.nat(100), (steps, maxEjectedPercent) => {
      const ids = ['0', '1', '2', '3', '4', '5'];
      let nowMs = 0;
      const detector = new OutlierDetector(
        { random: () => 0.5, now: () => nowMs, onChange: () => {} },
        { ...CONFIG, maxEjectedPercent },
      );
      let eligible = ids;
      detector.setEligible(new Set(ids));
      return steps.every((step) => {
        if (step.kind === 'fail') detector.track(`${step.id}`).failure();
        else if (step.kind === 'pass') detector.track(`${step.id}`).success();
        else if (step.kind === 'time') {
          nowMs += step.ms;
          detector.tick(nowMs);
        } else {
          eligible = ids.filter((_, i) => (step.mask >> i) % 2 === 1);
          detector.setEligible(new Set(eligible));
        }
        const ejected = eligible.filter((id) => detector.isEjected(id)).length;
        return ejected <= Math.floor((eligible.length * maxEjectedPercent) / 100);
      });
    }),
  );
  t.pass();
});
