import t from 'tap';
import type { PortForecast } from '../../../lb/forecast/forecaster.ts';
import { ShortageWatcher } from '../../../lb/forecast/shortage-watcher.ts';

const forecast = (exhaustionSeconds: number, overrides: Partial<PortForecast> = {}): PortForecast => ({
  pool: 'p',
  destination: 'd',
  busy: 1,
  capacity: 2,
  leaseRate: 1,
  holdSeconds: 1,
  exhaustionSeconds,
  addAddresses: 2,
  ...overrides,
});
const never = Number.POSITIVE_INFINITY;

t.test('a shortage is told once, and again after it was over', async (t) => {
  const watcher = new ShortageWatcher();
  /** Of each second from the one given: the forecast (undefined for none), and whether it is told. */
  const script: [fromSecond: number, toSecond: number, seconds: number | undefined, told: boolean][] = [
    [0, 9, never, false],
    [10, 10, 300, false],
    [11, 11, 299, true],
    [12, 20, 100, false],
    [21, 21, 0, false],
    [22, 51, 600, false],
    [52, 52, 599, false],
    [53, 82, never, false],
    [83, 83, 250, false],
    [84, 114, 600, false],
    [115, 115, 0, true],
    [116, 146, undefined, false],
    [147, 147, 10, true],
  ];
  for (const [from, to, seconds, told] of script) {
    for (let now = from; now <= to; now++) {
      const events = watcher.observe(now * 1000, seconds === undefined ? [] : [forecast(seconds)]);
      t.same(
        events,
        told ? [{ type: 'port-shortage-ahead', pool: 'p', destination: 'd', seconds, addAddresses: 2 }] : [],
        `second ${now}`,
      );
    }
  }
});

t.test('pools, sources and destinations are told apart', async (t) => {
  const watcher = new ShortageWatcher({ warnSeconds: 10 });
  const forecasts = [
    forecast(9),
    forecast(9, { source: 's' }),
    forecast(9, { destination: 'e' }),
    forecast(11, { pool: 'q' }),
  ];
  t.same(
    watcher.observe(0, forecasts).map(({ pool, source, destination }) => [pool, source, destination]),
    [
      ['p', undefined, 'd'],
      ['p', 's', 'd'],
      ['p', undefined, 'e'],
    ],
  );
  t.same(watcher.observe(1000, forecasts), []);
});

t.test('with a threshold of 0 only what is out is told', async (t) => {
  const watcher = new ShortageWatcher({ warnSeconds: 0 });
  t.same(watcher.observe(0, [forecast(0.1)]), []);
  t.equal(watcher.observe(0, [forecast(0)]).length, 1);
});
