import t from 'tap';
import { adminAppOf } from '../fixtures/admin-app.ts';
import { FakeAdminSource, planeMetrics, portUse, sourceStatus } from '../fixtures/fake-admin-source.ts';

function setUp() {
  const source = new FakeAdminSource();
  const app = adminAppOf(source);
  const get = async (url: string) => (await app.inject({ url, headers: { host: 'localhost' } })).json();
  return { source, get };
}

t.test('every pair in numbers, by column', async (t) => {
  const { source, get } = setUp();
  source.list = [sourceStatus({ address: '127.0.1.9' }), sourceStatus({ ports: 500 })];
  const [port] = planeMetrics().ports;
  source.current = {
    planes: new Map([
      ['plane-1', planeMetrics(1, { ports: [port!, { ...port!, destination: '127.0.0.1:2', used: 7 }] })],
      ['plane-2', planeMetrics(1, { ports: [port!, { ...port!, source: '127.0.1.77' }] })],
    ]),
    retired: undefined,
    isComplete: true,
  };
  source.ahead = [
    {
      pool: 'default',
      source: '127.0.1.1',
      destination: '127.0.0.1:2',
      busy: 10,
      capacity: 100,
      leaseRate: 1,
      holdSeconds: 1,
      exhaustionSeconds: 90,
      addAddresses: 2,
    },
  ];
  t.match(await get('/api/v1/ports/map'), {
    pools: [{ name: 'default', low: 1024, high: 65535 }],
    sources: [{ address: '127.0.1.9' }, { address: '127.0.1.1', state: 'ready' }],
    destinations: ['127.0.0.1:1', '127.0.0.1:2'],
    pairs: {
      source: [1, 1],
      destination: [0, 1],
      used: [2, 7],
      quarantined: [6, 3],
      unusable: [2, 1],
      free: [490, 489],
      exhaustion_seconds: [null, 90],
      add_addresses: [0, 2],
    },
  });
});

t.test('strips of the pairs that are asked for', async (t) => {
  const { source, get } = setUp();
  source.use = [portUse({ 8: 3, 511: 128 })];
  const one = await get('/api/v1/ports/strips?pair=127.0.1.1%20127.0.0.1:1');
  t.match(one.strips[0], { pool: 'default', source: '127.0.1.1', destination: '127.0.0.1:1' });
  const { first, ports, used } = one.strips[0];
  t.equal(first.length, 128);
  t.strictSame([first[0], used[0], used.at(-1)], [1024, 3, 128]);
  t.equal(
    ports.reduce((sum: number, count: number) => sum + count, 0),
    64512,
  );
  t.strictSame(source.asked, [{ source: '127.0.1.1', destination: '127.0.0.1:1', limit: 1 }]);
  const two = await get('/api/v1/ports/strips?pair=a%20b&pair=c%20d');
  t.equal(two.strips.length, 2);
  t.match(await get('/api/v1/ports/strips'), { status: 400 });
});
