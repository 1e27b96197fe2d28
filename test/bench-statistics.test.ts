import t from 'tap';
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
