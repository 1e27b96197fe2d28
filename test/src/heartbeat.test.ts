import t from 'tap';
import { Heartbeat } from '../../src/heartbeat.ts';
import { FakeClock } from '../fixtures/fake-clock.ts';

function create() {
  const clock = new FakeClock();
  const seen = { asked: 0, silences: 0 };
  const heartbeat = new Heartbeat(
    { clock, ask: () => seen.asked++, onSilence: () => seen.silences++ },
    { timeoutMs: 4000 },
  );
  heartbeat.start();
  return { clock, seen, heartbeat };
}

t.test('a process that answers is left in peace', async (t) => {
  const { clock, seen, heartbeat } = create();
  heartbeat.heard();
  for (let i = 0; i < 100; i++) {
    clock.advance(1000);
    heartbeat.heard();
  }
  t.same(seen, { asked: 100, silences: 0 });
});

t.test('silence is told once, after its time', async (t) => {
  const { clock, seen, heartbeat } = create();
  heartbeat.heard();
  for (let i = 0; i < 4; i++) clock.advance(1000);
  t.same(seen, { asked: 4, silences: 0 });
  clock.advance(1000);
  t.equal(seen.silences, 1);
  clock.advance(100_000);
  t.same(seen, { asked: 4, silences: 1 });
});

t.test('a start may take longer', async (t) => {
  const { clock, seen, heartbeat } = create();
  for (let i = 0; i < 60; i++) clock.advance(1000);
  t.equal(seen.silences, 0);
  clock.advance(1000);
  t.equal(seen.silences, 1);
  heartbeat.stop();
});
