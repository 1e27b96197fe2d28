import fc from 'fast-check';
import t from 'tap';
import { Forecaster, type PortForecast } from '../../../lb/forecast/forecaster.ts';
import type { PortMetrics } from '../../../lb/metrics/plane-metrics.ts';

const source = (address = '10.0.0.1', ports = 1000) => ({ pool: 'p', address, ports });
const port = (overrides: Partial<PortMetrics> = {}): PortMetrics => ({
  pool: 'p',
  source: '10.0.0.1',
  destination: '10.1.0.1:80',
  leases: 0,
  free: 0,
  used: 0,
  quarantined: 0,
  unusable: 0,
  ...overrides,
});
const poolOf = (forecaster: Forecaster): PortForecast =>
  forecaster.forecasts().find((forecast) => forecast.source === undefined)!;

/** Feeds `seconds` of arrivals at `rate`, each held for `holdSeconds` (M/D/∞ without the chance), one step a second. */
function feed(forecaster: Forecaster, rate: number, holdSeconds: number, seconds: number, ports = 1000): void {
  for (let now = 0; now <= seconds; now++) {
    const busy = Math.round(rate * Math.min(now, holdSeconds));
    forecaster.observe(now * 1000, [port({ leases: Math.round(rate * now), used: busy })], [source('10.0.0.1', ports)]);
  }
}

t.test('in a steady state it finds rate and hold time', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 5, max: 500 }), fc.integer({ min: 2, max: 60 }), (rate, holdSeconds) => {
      const forecaster = new Forecaster();
      feed(forecaster, rate, holdSeconds, holdSeconds + 300, 100_000);
      const found = poolOf(forecaster);
      const isNear = (a: number, b: number): boolean => Math.abs(a - b) <= 0.02 * b;
      return (
        isNear(found.leaseRate, rate) &&
        isNear(found.holdSeconds, holdSeconds) &&
        found.exhaustionSeconds === Number.POSITIVE_INFINITY
      );
    }),
    { numRuns: 30 },
  );
});

t.test('a leak is forecast to the second', async (t) => {
  const forecaster = new Forecaster();
  feed(forecaster, 5, Number.POSITIVE_INFINITY, 60);
  const forecast = poolOf(forecaster);
  t.ok(Math.abs(forecast.exhaustionSeconds - 140) < 1, String(forecast.exhaustionSeconds));
  t.equal(forecast.holdSeconds, Number.POSITIVE_INFINITY);
  t.equal(forecast.addAddresses, 4, '3300 ports in ten minutes, at 80 %');
});

t.test('while it grows the forecast is never too late', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 100 }), fc.integer({ min: 15, max: 60 }), (rate, holdSeconds) => {
      // Ports run out at a quarter more than this many seconds.
      const ports = Math.round(rate * holdSeconds * 0.8);
      const outAt = ports / rate;
      const forecaster = new Forecaster();
      for (let now = 0; now < outAt; now++) {
        forecaster.observe(now * 1000, [port({ leases: rate * now, used: rate * now })], [source('10.0.0.1', ports)]);
        if (now >= 6 && poolOf(forecaster).exhaustionSeconds > outAt - now + 1) return false;
      }
      return true;
    }),
    { numRuns: 30 },
  );
});

t.test('quarantine counts as held', async (t) => {
  const forecaster = new Forecaster();
  forecaster.observe(0, [port({ used: 300, quarantined: 700 })], [source()]);
  t.match(poolOf(forecaster), { busy: 1000, capacity: 1000, exhaustionSeconds: 0 });
});

t.test('the first samples forecast nothing, but that none is free', async (t) => {
  const forecaster = new Forecaster();
  t.strictSame(forecaster.forecasts(), []);
  for (const [now, used] of [
    [0, 0],
    [1000, 900],
    [2000, 990],
  ] as const) {
    forecaster.observe(now, [port({ leases: used, used })], [source()]);
    t.equal(poolOf(forecaster).exhaustionSeconds, Number.POSITIVE_INFINITY);
  }
  forecaster.observe(3000, [port({ leases: 1000, used: 1000 })], [source()]);
  t.equal(poolOf(forecaster).exhaustionSeconds, 0);
});

t.test('a plane that starts again is no burst of leases or ends', async (t) => {
  const forecaster = new Forecaster();
  for (let now = 0; now <= 60; now++) {
    // Half of the leases and ports were those of a plane that died at 30 s.
    const leases = now < 30 ? 1000 + 10 * now : 500 + 10 * now;
    const used = now < 30 ? 100 : 50;
    forecaster.observe(now * 1000, [port({ leases, used })], [source()]);
  }
  const { leaseRate, holdSeconds } = poolOf(forecaster);
  t.ok(Math.abs(leaseRate - 10) < 0.01, String(leaseRate));
  t.ok(holdSeconds > 5 && holdSeconds < 10, String(holdSeconds));
});

t.test('feeds at the same time, and back in time, change nothing', async (t) => {
  const forecaster = new Forecaster();
  feed(forecaster, 5, 10, 60);
  const before = poolOf(forecaster);
  forecaster.observe(60_000, [port({ leases: 9999, used: 50 })], [source()]);
  forecaster.observe(1000, [port({ leases: 9999, used: 50 })], [source()]);
  t.same(poolOf(forecaster), before);
});

t.test('the pool is its sources together; those that cannot be leased from do not count', async (t) => {
  const forecaster = new Forecaster();
  const sources = [source('10.0.0.1', 100), source('10.0.0.2', 300), source('fd00::1', 5000)];
  const ports = [
    port({ used: 100 }),
    port({ source: '10.0.0.2', used: 10, unusable: 20 }),
    port({ source: '10.0.0.3', used: 7 }),
  ];
  forecaster.observe(0, ports, sources);
  t.match(
    forecaster
      .forecasts()
      .map(({ source: address, busy, capacity, exhaustionSeconds }) => [address, busy, capacity, exhaustionSeconds]),
    [
      [undefined, 110, 380, Number.POSITIVE_INFINITY],
      ['10.0.0.1', 100, 100, 0],
      ['10.0.0.2', 10, 280, Number.POSITIVE_INFINITY],
    ],
  );
  forecaster.observe(1000, [port({ source: 'fd00::1', destination: '[fd00::2]:80', used: 1 })], sources);
  t.same(
    forecaster.forecasts().map(({ source: address, capacity }) => [address, capacity]),
    [
      [undefined, 5000],
      ['fd00::1', 5000],
    ],
  );
  forecaster.observe(2000, [], sources);
  t.strictSame(forecaster.forecasts(), [], 'pairs that are gone are forgotten');
});
