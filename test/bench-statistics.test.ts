import t from 'tap';
import { cpuTarget } from './bench/kernel/added-cpu.ts';
import { percentile, ratios, spread, summarize } from './bench/statistics.ts';

t.test('median, spread and ratios', async (t) => {
  t.same(summarize([3, 1, 2]), { median: 2, min: 1, max: 3 });
  t.same(summarize([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4 });
  t.same(summarize([7]), { median: 7, min: 7, max: 7 });
  t.same(ratios([2, 9], [1, 3]), [2, 3]);
  t.equal(spread([1200.4, 3, 2000], 0), '1,200 (3–2,000)');
  t.equal(spread([0.5], 2), '0.50 (0.50–0.50)');
});

t.test('the percentile is the smallest value that so many do not exceed', async (t) => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
  t.equal(percentile(hundred, 0.5), 50);
  t.equal(percentile(hundred, 0.99), 99);
  t.equal(percentile(hundred, 1), 100);
  t.equal(percentile(hundred, 0), 1);
  t.equal(percentile([5], 0.99), 5);
  t.equal(percentile([], 0.5), 0);
});

t.test('CPU that a balancer adds', async (t) => {
  const quiet = { before: 100, after: 104, portico: 130, haproxy: 252 };
  t.match(cpuTarget([quiet, quiet], 0.3), { value: '0.19', isMet: true });
  t.match(cpuTarget([{ ...quiet, portico: 202 }], 0.3), { value: '0.67', isMet: false });
  t.match(
    cpuTarget([quiet, { ...quiet, portico: 90 }], 0.3),
    { value: /no figure/, isMet: false },
    'less than nothing',
  );
  t.match(cpuTarget([{ ...quiet, after: 160 }], 0.3), { value: /differ by 60 µs/, isMet: false }, 'noise');
});
