import t from 'tap';
import type { Expirable, TimeoutList } from '../../lb/timeout-list.ts';
import { WaitQueue } from '../../lb/wait-queue.ts';

class Waiter implements Expirable {
  timeoutList: TimeoutList | undefined = undefined;
  timeoutPrevious: Expirable | undefined = undefined;
  timeoutNext: Expirable | undefined = undefined;
  timeoutAtMs = 0;
  end = '';

  onTimeout(): void {
    this.end = 'timeout';
  }
}

function queue(targetMs = 100): WaitQueue<Waiter> {
  const onShed = (waiter: Waiter): void => {
    waiter.end = 'shed';
  };
  return new WaitQueue({ most: 1000, timeoutMs: 5000, shed: { targetMs, intervalMs: 1000 } }, onShed);
}

t.test('a burst that is worked off in time loses nobody', async (t) => {
  const waiting = queue();
  const waiters = Array.from({ length: 99 }, () => new Waiter());
  for (const waiter of waiters) waiting.push(waiter, 0);
  for (let now = 10; now <= 990; now += 10) {
    waiting.expire(now);
    waiting.shift();
  }
  t.equal(waiting.length, 0);
  t.ok(waiters.every(({ end }) => end === ''));
});

t.test('a queue that stands serves those who have waited for less than the target', async (t) => {
  const waiting = queue();
  const served: number[] = [];
  const all: Waiter[] = [];
  // Three come for each that can be served.
  for (let now = 0; now < 10_000; now += 10) {
    for (let i = 0; i < 3; i++) {
      const waiter = new Waiter();
      all.push(waiter);
      waiting.push(waiter, now);
    }
    waiting.expire(now);
    const next = waiting.shift();
    if (now >= 1500) served.push(now - (next!.timeoutAtMs - 5000));
  }
  t.equal(served.length, 850, 'it never runs dry');
  t.ok(Math.max(...served) <= 100, `the longest wait was ${Math.max(...served)} ms`);
  const shed = all.filter(({ end }) => end === 'shed').length;
  t.equal(shed + 1000 + waiting.length, 3000);
  t.notOk(all.some(({ end }) => end === 'timeout'));
});

t.test('a queue that was empty in between is a new one, and a target of 0 sheds nobody', async (t) => {
  const waiting = queue();
  waiting.push(new Waiter(), 0);
  waiting.shift();
  const second = new Waiter();
  waiting.push(second, 900);
  waiting.expire(1899);
  t.equal(second.end, '');
  waiting.expire(1900);
  t.equal(second.end, 'shed');
  const patient = queue(0);
  const third = new Waiter();
  patient.push(third, 0);
  patient.expire(4999);
  t.equal(third.end, '');
  patient.expire(5000);
  t.equal(third.end, 'timeout');
});
