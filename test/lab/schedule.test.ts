import t from 'tap';
import { BACK_FAULTS, FRONT_FAULTS, isFront } from './fault.ts';
import { planSchedule } from './schedule.ts';

const options = { seed: 1, fromMs: 1000, untilMs: 200_000, kinds: [...FRONT_FAULTS, ...BACK_FAULTS], everyMs: 2000 };

t.test('a seed is a schedule', async (t) => {
  t.same(planSchedule(options), planSchedule(options));
  t.notSame(planSchedule({ ...options, seed: 2 }), planSchedule(options));
});

t.test('faults lie within the time, in order, and come about as often as they should', async (t) => {
  const schedule = planSchedule(options);
  t.ok(schedule.every(({ atMs }) => atMs >= 1000 && atMs < 200_000));
  t.same(
    schedule.map(({ atMs }) => atMs),
    schedule.map(({ atMs }) => atMs).sort((a, b) => a - b),
  );
  for (const isOf of [isFront, (kind: (typeof options.kinds)[number]) => !isFront(kind)]) {
    const gaps = schedule.filter(({ kind }) => isOf(kind)).length;
    t.ok(gaps > 60 && gaps < 200, `${gaps} in 199 s`);
  }
});

t.test('each kind comes before one comes again', async (t) => {
  const schedule = planSchedule(options);
  for (const lane of [FRONT_FAULTS, BACK_FAULTS]) {
    const kinds = schedule.map(({ kind }) => kind).filter((kind) => (lane as readonly string[]).includes(kind));
    t.equal(new Set(kinds.slice(0, lane.length)).size, lane.length);
  }
});
