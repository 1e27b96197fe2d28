import fc from 'fast-check';
import t from 'tap';
import { RetryBudget } from '../../../lb/balance/retry-budget.ts';

t.test('a share of the requests of ten seconds, and a few besides', async (t) => {
  const budget = new RetryBudget({ percent: 20, minPerSecond: 1 }, 0);
  const spend = (): number => {
    let retries = 0;
    while (budget.hasRoom && retries < 1000) {
      budget.onRetry();
      retries++;
    }
    return retries;
  };
  t.equal(spend(), 10, 'without any traffic');
  for (let i = 0; i < 100; i++) budget.onRequest();
  t.equal(spend(), 20);
  budget.tick(9999);
  t.equal(spend(), 0, 'within the ten seconds');
  budget.tick(10_000);
  t.equal(spend(), 10, 'all of it is past');
});

t.test('none at all, if that is wanted', async (t) => {
  const budget = new RetryBudget({ percent: 0, minPerSecond: 0 }, 0);
  budget.onRequest();
  t.notOk(budget.hasRoom);
});

t.test('whenever one is granted, those of the last ten seconds are within bounds', async (t) => {
  const step = fc.record({ requests: fc.nat(30), tries: fc.nat(30), ms: fc.nat(3000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const budget = new RetryBudget({ percent: 10, minPerSecond: 1 }, 0);
      let nowMs = 0;
      const requests: number[] = [];
      const retries: number[] = [];
      for (const { requests: count, tries, ms } of steps) {
        nowMs += ms;
        budget.tick(nowMs);
        for (let i = 0; i < count; i++) {
          budget.onRequest();
          requests.push(nowMs);
        }
        const since = (Math.floor(nowMs / 1000) - 9) * 1000;
        const recent = (times: number[]): number => times.filter((at) => at >= since).length;
        for (let i = 0; i < tries; i++) {
          const isWithin = recent(retries) + 1 <= (recent(requests) * 10) / 100 + 10;
          if (budget.hasRoom !== isWithin) return false;
          if (!isWithin) continue;
          budget.onRetry();
          retries.push(nowMs);
        }
      }
      return true;
    }),
  );
  t.pass();
});
