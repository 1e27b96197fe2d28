import { deepStrictEqual } from 'node:assert';
import fc from 'fast-check';
import t from 'tap';
import type { PlaneMetrics, StreamOutcome } from '../../../lb/metrics/plane-metrics.ts';
import { sumPlaneMetrics } from '../../../lb/metrics/sum-plane-metrics.ts';

const count = fc.nat({ max: 1000 });
const name = fc.constantFrom('a', 'b', 'c');
const list = <T>(item: fc.Arbitrary<T>, key: (item: T) => string) =>
  fc.uniqueArray(item, { selector: key, maxLength: 4 });
const reports: fc.Arbitrary<PlaneMetrics> = fc.record({
  listeners: list(
    fc.record({
      listener: name,
      connections: count,
      connectionsTotal: count,
      webSockets: count,
      rejected: list(fc.record({ reason: name, count }), ({ reason }) => reason),
    }),
    ({ listener }) => listener,
  ),
  requests: list(
    fc.record({
      listener: name,
      backend: name,
      codes: list(fc.record({ code: fc.constantFrom(200, 404, 502), count }), ({ code }) => String(code)),
      duration: fc.record({
        bounds: fc.constant([0.1, 1]),
        counts: fc.array(count, { minLength: 3, maxLength: 3 }),
        sum: count,
      }),
    }),
    ({ listener, backend }) => listener + backend,
  ),
  streams: list(
    fc.record({
      listener: name,
      backend: name,
      outcomes: list(
        fc.record({ outcome: fc.constantFrom<StreamOutcome[]>('closed', 'reset', 'idle'), count }),
        ({ outcome }) => outcome,
      ),
      bytesIn: count,
      bytesOut: count,
    }),
    ({ listener, backend }) => listener + backend,
  ),
  servers: list(
    fc.record({
      backend: name,
      server: name,
      active: count,
      idle: count,
      connectsTotal: count,
      connectFailuresTotal: count,
      answersTotal: count,
      answerSeconds: count,
      ejected: count,
      ejectionsTotal: count,
    }),
    ({ backend, server }) => backend + server,
  ),
  retries: list(fc.record({ backend: name, reason: name, count }), ({ backend, reason }) => backend + reason),
  ports: list(
    fc.record({
      pool: name,
      source: name,
      destination: name,
      leases: count,
      free: count,
      used: count,
      quarantined: count,
      unusable: count,
    }),
    ({ pool, source, destination }) => pool + source + destination,
  ),
  exhausted: list(fc.record({ pool: name, outcome: name, count }), ({ pool, outcome }) => pool + outcome),
  drift: list(fc.record({ kind: name, count }), ({ kind }) => kind),
  queueDepth: list(fc.record({ pool: name, depth: count }), ({ pool }) => pool),
  eventLoopLagSeconds: count,
  residentBytes: count,
  cpuSeconds: count,
});

/** Every number in `value`, by where it stands: list items are told apart by their text fields and codes, not by their place. */
function numbers(value: unknown, path = '', found = new Map<string, number>()): Map<string, number> {
  if (typeof value === 'number') found.set(path, (found.get(path) ?? 0) + value);
  if (typeof value !== 'object' || value === null) return found;
  const isBuckets = Array.isArray(value) && value.every((item) => typeof item === 'number');
  const item = value as Record<string, unknown>;
  const labels = Object.entries(item).filter(([key, field]) => typeof field === 'string' || key === 'code');
  for (const [key, field] of Object.entries(item)) {
    if (key === 'code' || key === 'bounds' || key === 'eventLoopLagSeconds') continue;
    const step = Array.isArray(value) && !isBuckets ? '[]' : key;
    numbers(field, `${path}/${JSON.stringify(labels)}${step}`, found);
  }
  return found;
}

t.test('no count is lost, none is counted twice', async () => {
  fc.assert(
    fc.property(fc.array(reports, { minLength: 1, maxLength: 4 }), (planes) => {
      const expected = new Map<string, number>();
      for (const plane of planes) numbers(plane, '', expected);
      deepStrictEqual(numbers(sumPlaneMetrics(planes)), expected);
    }),
  );
});

t.test('no labels come twice', async () => {
  fc.assert(
    fc.property(fc.array(reports, { maxLength: 4 }), (planes) => {
      const sum = sumPlaneMetrics(planes);
      const keys = [
        sum.listeners.map(({ listener }) => listener),
        sum.requests.map(({ listener, backend }) => listener + backend),
        sum.servers.map(({ backend, server }) => backend + server),
        sum.retries.map(({ backend, reason }) => backend + reason),
        sum.ports.map(({ pool, source, destination }) => pool + source + destination),
        sum.exhausted.map(({ pool, outcome }) => pool + outcome),
        sum.queueDepth.map(({ pool }) => pool),
      ];
      for (const list of keys) deepStrictEqual([...new Set(list)], list);
    }),
  );
});

t.test('the lag of the event loop is that of the worst plane', async (t) => {
  t.equal(sumPlaneMetrics([]).eventLoopLagSeconds, 0);
  const empty = sumPlaneMetrics([]);
  const lags = [0.01, 0.3, 0.02].map((eventLoopLagSeconds) => ({ ...empty, eventLoopLagSeconds }));
  t.equal(sumPlaneMetrics(lags).eventLoopLagSeconds, 0.3);
});

t.test('the sum of nothing is empty', async (t) => {
  const sum = sumPlaneMetrics([]);
  t.strictSame([sum.listeners, sum.requests, sum.servers, sum.ports], [[], [], [], []]);
  t.equal(sum.residentBytes, 0);
});
