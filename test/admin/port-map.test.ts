import t from 'tap';
import { adminAppOf } from '../fixtures/admin-app.ts';
import { FakeAdminSource, planeMetrics, portUse, sourceStatus } from '../fixtures/fake-admin-source.ts';

function setUp() {
  const source = new FakeAdminSource();
  const app = adminAppOf(source);
  const get = async (url: string) => (await app.inject({ url, headers: { host: 'localhost' } })).json();
  return { source, get };
}

t.test('every pair in numbers', async (t) => {
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
  const map = await get('/api/v1/ports/map');
  t.match(map, {
    pools: [{ name: 'default', low: 1024, high: 65535 }],
    sources: [
      { address: '127.0.1.9', shown: 0, destinations: 0, fullest: 0 },
      { address: '127.0.1.1', state: 'ready', shown: 2, destinations: 2, fullest: 1 - 489 / 500 },
    ],
    destinations: 2,
    total: 2,
    offset: 0,
    pairs: [
      { source: 1, destination: '127.0.0.1:2', used: 7, quarantined: 3, unusable: 1, free: 489 },
      { source: 1, destination: '127.0.0.1:1', used: 2, quarantined: 6, unusable: 2, free: 490 },
    ],
  });
  t.strictSame(
    map.pairs.map((pair: { exhaustion_seconds: unknown; add_addresses: unknown }) => [
      pair.exhaustion_seconds,
      pair.add_addresses,
    ]),
    [
      [90, 2],
      [null, 0],
    ],
  );
});

t.test('a part of the pairs, by source and the fullest first', async (t) => {
  const { source, get } = setUp();
  source.list = ['127.0.1.1', '127.0.1.2'].map((address) => sourceStatus({ address }));
  const [port] = planeMetrics().ports;
  const ports = ['127.0.1.1', '127.0.1.2'].flatMap((address) =>
    [5, 0, 9, 1].map((used, i) => ({ ...port!, source: address, destination: `10.0.0.${i}:80`, used, quarantined: 0 })),
  );
  source.current = { planes: new Map([['plane-1', planeMetrics(1, { ports })]]), retired: undefined, isComplete: true };
  const pairsOf = async (query: string) => {
    const { sources, total, pairs } = await get(`/api/v1/ports/map${query}`);
    return [
      total,
      sources.map(({ shown }: { shown: number }) => shown),
      pairs.map(
        (pair: { source: number; destination: string }) => `${sources[pair.source].address} ${pair.destination}`,
      ),
    ];
  };
  t.strictSame(await pairsOf('?offset=2&limit=3'), [
    8,
    [4, 4],
    ['127.0.1.1 10.0.0.3:80', '127.0.1.1 10.0.0.1:80', '127.0.1.2 10.0.0.2:80'],
  ]);
  t.strictSame(await pairsOf('?busy=true&offset=3&limit=1'), [6, [3, 3], ['127.0.1.2 10.0.0.2:80']]);
  t.strictSame(await pairsOf('?text=0.0.3:'), [2, [1, 1], ['127.0.1.1 10.0.0.3:80', '127.0.1.2 10.0.0.3:80']]);
  t.strictSame(await pairsOf('?text=1.2&limit=1'), [4, [4], ['127.0.1.2 10.0.0.2:80']]);
  t.strictSame(await pairsOf('?pool=other'), [0, [], []]);
  t.strictSame(await pairsOf('?offset=100'), [8, [4, 4], []]);
  for (const query of ['?limit=0', '?limit=1001', '?offset=-1', '?busy=x'])
    t.match(await get(`/api/v1/ports/map${query}`), { status: 400 }, query);
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
