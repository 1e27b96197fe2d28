import t from 'tap';
import type { PortForecast } from '../../lb/forecast/forecaster.ts';
import { adminAppOf } from '../fixtures/admin-app.ts';
import { FakeAdminSource, planeMetrics, sourceStatus } from '../fixtures/fake-admin-source.ts';

async function overviewOf(source: FakeAdminSource) {
  const app = adminAppOf(source);
  const { statusCode, body } = await app.inject({ url: '/api/v1/overview', headers: { host: 'localhost' } });
  return { status: statusCode, overview: JSON.parse(body) };
}

const forecast = (overrides: Partial<PortForecast>): PortForecast => ({
  pool: 'default',
  destination: '127.0.0.1:1',
  busy: 10,
  capacity: 100,
  leaseRate: 1,
  holdSeconds: 1,
  exhaustionSeconds: Number.POSITIVE_INFINITY,
  addAddresses: 0,
  ...overrides,
});

t.test('counters are of all that ever counted, and gauges of what is alive', async (t) => {
  const source = new FakeAdminSource();
  source.current = {
    planes: new Map([
      ['plane-1', planeMetrics()],
      ['plane-2', planeMetrics(2)],
    ]),
    retired: planeMetrics(10),
    isComplete: true,
  };
  const { status, overview } = await overviewOf(source);
  t.equal(status, 200);
  t.match(overview, {
    version: '1.2.3',
    ready: true,
    reasons: [],
    planes: [{ id: 'plane-1', ready: true, restarts: 3 }],
    listeners: [{ name: 'web', connections: 6, connections_total: 130, rejected_total: 13 }],
    backends: [
      {
        name: 'app',
        servers: 1,
        available: 1,
        unhealthy: 0,
        ejected: 1,
        active: 3,
        connect_failures_total: 13,
        retries_total: 13,
        trouble: [],
      },
    ],
  });
});

t.test('pools: the destination that runs out first, or is fullest', async (t) => {
  const source = new FakeAdminSource();
  source.list = [
    sourceStatus(),
    sourceStatus({ address: '127.0.1.2', state: { kind: 'lost', reason: 'the interface is down' } }),
    sourceStatus({ address: '127.0.1.3', state: { kind: 'draining' } }),
  ];
  source.ahead = [
    forecast({ busy: 20 }),
    forecast({ destination: '127.0.0.1:2', busy: 50 }),
    forecast({ destination: '127.0.0.1:2', source: '127.0.1.1', exhaustionSeconds: 1 }),
  ];
  const { overview } = await overviewOf(source);
  t.match(overview.pools, [
    {
      name: 'default',
      addresses: 3,
      ready: 1,
      draining: 1,
      ports: 1000,
      used: 1,
      quarantined: 3,
      destinations: 2,
      queued: 1,
      exhausted: [{ outcome: 'refused', count: 1 }],
      trouble: [{ address: '127.0.1.2', reason: 'the interface is down' }],
      tightest: { destination: '127.0.0.1:2', busy: 50, capacity: 100, exhaustion_seconds: null },
    },
  ]);
  source.ahead = [
    forecast({ busy: 99 }),
    forecast({ destination: '127.0.0.1:3', exhaustionSeconds: 60, addAddresses: 2 }),
  ];
  t.match((await overviewOf(source)).overview.pools[0].tightest, {
    destination: '127.0.0.1:3',
    exhaustion_seconds: 60,
    add_addresses: 2,
  });
});
