import t from 'tap';
import { LatencyQuantile } from '../../../lb/balance/latency-quantile.ts';

t.test('exact to a tenth, from 0.1 ms to minutes', async (t) => {
  for (const scale of [0.01, 1, 100, 3000]) {
    const quantile = new LatencyQuantile();
    for (let i = 1; i <= 100; i++) quantile.observe(i * scale);
    for (const share of [0.5, 0.9, 0.95, 0.99]) {
      const exact = Math.max(0.1, share * 100 * scale);
      const told = quantile.at(share)!;
      t.ok(told >= exact * 0.999 && told <= exact * 1.1001, `${told} for ${exact}`);
    }
  }
});

t.test('nothing is said of few answers, and old ones are forgotten', async (t) => {
  const quantile = new LatencyQuantile();
  for (let i = 0; i < 99; i++) quantile.observe(1000);
  t.equal(quantile.at(0.95), undefined);
  quantile.observe(1000);
  t.ok(quantile.at(0.95)! >= 1000);
  for (let second = 0; second < 60; second++) {
    quantile.forget();
    for (let i = 0; i < 20; i++) quantile.observe(1);
  }
  t.ok(quantile.at(0.95)! < 1.2);
  for (let second = 0; second < 60; second++) quantile.forget();
  t.equal(quantile.at(0.95), undefined);
});

t.test('what takes longer than the last bucket counts as that', async (t) => {
  const quantile = new LatencyQuantile();
  for (let i = 0; i < 100; i++) quantile.observe(1e9);
  t.ok(quantile.at(0.5)! > 200_000);
});
