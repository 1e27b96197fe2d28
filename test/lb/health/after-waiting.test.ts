import t from 'tap';
import { afterWaiting } from '../../../lb/health/after-waiting.ts';
import { FakeClock } from '../../fixtures/fake-clock.ts';

t.test('it runs once, after that time', async (t) => {
  const clock = new FakeClock();
  let runs = 0;
  afterWaiting(clock, 1000, () => runs++);
  clock.advance(999);
  t.equal(runs, 0);
  clock.advance(1);
  t.equal(runs, 1);
  clock.advance(10_000);
  t.equal(runs, 1);
});

t.test('it does not run when it is called off, however late', async (t) => {
  const clock = new FakeClock();
  const cancel = afterWaiting(clock, 1000, () => t.fail('it ran'));
  clock.advance(600);
  cancel();
  clock.advance(10_000);
  t.equal(clock.pending, 0);
});

/** All that is due comes when the test says so, and late. */
class LateClock extends FakeClock {
  due: (() => void)[] = [];

  override after(_delayMs: number, fn: () => void): number {
    return this.due.push(fn);
  }
}

t.test('a process that was held up has not waited', async (t) => {
  const clock = new LateClock();
  let runs = 0;
  afterWaiting(clock, 1000, () => runs++);
  clock.advance(60_000);
  clock.due.pop()!();
  t.equal(runs, 0, 'what has come meanwhile is looked at first');
  t.equal(clock.due.length, 1, 'and there is time for an answer');
});
