import t from 'tap';
import type { Target } from '../../../lb/nat/nat-targets.ts';
import { ReadingTimer } from '../../../lb/nat/reading-timer.ts';
import { FakeClock } from '../../fixtures/fake-clock.ts';

interface State {
  /** Of the reading before. */
  readonly costMs?: number;
  readonly isWhole?: boolean;
  readonly isOpen?: boolean;
  readonly isLimited?: boolean;
  readonly drawn?: number;
  readonly openedSince?: number;
  readonly free?: number;
  readonly isAsked?: boolean;
}

/** How long after a reading the next one is due. */
function rest(state: State): number {
  const { costMs = 6, isWhole = true, isOpen = true, isLimited = false, drawn = 0, openedSince = 0, free = 0 } = state;
  const clock = new FakeClock();
  const timer = new ReadingTimer(clock);
  timer.begin();
  clock.advance(costMs);
  timer.end(isWhole);
  const targets = [{ steering: { isOpen, tickets: { isLimited }, drawn, openedSince, free } }] as unknown as Target[];
  let restMs = 0;
  while (!timer.isDue(targets, state.isAsked === true)) {
    clock.advance(1);
    restMs++;
  }
  return restMs;
}

t.test('reading is as rare as may be, and never takes more than its share', async (t) => {
  t.equal(rest({}), 4000, 'nothing comes');
  t.equal(rest({ openedSince: 1, free: 1000 }), 1000, 'something comes');
  t.equal(rest({ costMs: 50, openedSince: 500, free: 1000 }), 2000, 'ports last for long');
  t.equal(rest({ costMs: 50, openedSince: 1001, free: 1000 }), 1000, 'half of them are gone');
  t.equal(rest({ costMs: 200, openedSince: 1001, free: 1000 }), 3600, 'and a reading takes long');
  t.equal(rest({ costMs: 200, openedSince: 500, free: 1000 }), 4000, 'what is told is not older than that');
  t.equal(rest({ costMs: 1000, openedSince: 500, free: 1000 }), 18_000, 'but for a table that takes longer to be read');
});

t.test('it is as often as may be where ports run short', async (t) => {
  t.equal(rest({ isLimited: true, drawn: 1, free: 100 }), 20);
  t.equal(rest({ isLimited: true, drawn: 1, costMs: 100 }), 300);
  t.equal(rest({ costMs: 5, isOpen: false }), 100, 'none is left and nobody asks');
  t.equal(rest({ isOpen: false, isAsked: true }), 20);
  t.equal(rest({ isOpen: false, isAsked: true, costMs: 100 }), 100);
  t.equal(rest({ isWhole: false, costMs: 100 }), 100, 'it was not whole');
});
