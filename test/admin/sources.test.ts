import t from 'tap';
import type { AdminSource, SourceChange } from '../../admin/admin-source.ts';
import type { PortForecast } from '../../lb/forecast/forecaster.ts';
import { adminAppOf } from '../fixtures/admin-app.ts';
import { FakeAdminSource, planeMetrics, portUse, sourceStatus } from '../fixtures/fake-admin-source.ts';

const appOf = (source: AdminSource, token?: string) => adminAppOf(source, {}, { token });
const host = '127.0.0.1:9797';
const ADDRESSES = '/api/v1/sources/default/addresses';

const forecast: PortForecast = {
  pool: 'default',
  source: '127.0.1.1',
  destination: '127.0.0.1:1',
  busy: 4,
  capacity: 999,
  leaseRate: 2.5,
  holdSeconds: Number.POSITIVE_INFINITY,
  exhaustionSeconds: 398,
  addAddresses: 3,
};

t.test('sources with state, ports and forecasts', async (t) => {
  const source = new FakeAdminSource();
  source.list = [
    sourceStatus(),
    sourceStatus({ address: '127.0.1.2', claim: true, state: { kind: 'lost', reason: 'gone from lo' } }),
  ];
  source.ahead = [{ ...forecast, source: '127.0.1.9' }, forecast];
  const { body } = await appOf(source).inject({ url: '/api/v1/sources', headers: { host } });
  const blocks = { free: 480, resting: 8, owners: [{ owner: 'plane-1', blocks: 16 }] };
  const common = { pool: 'default', interface: 'lo', ports: 1000, blocks };
  t.strictSame(JSON.parse(body), {
    sources: [
      {
        ...common,
        address: '127.0.1.1',
        claim: false,
        state: 'ready',
        destinations: [
          {
            destination: '127.0.0.1:1',
            free: 995,
            used: 1,
            quarantined: 3,
            unusable: 1,
            forecast: { exhaustion_seconds: 398, leases_per_second: 2.5, hold_seconds: null, add_addresses: 3 },
          },
        ],
      },
      { ...common, address: '127.0.1.2', claim: true, state: 'lost', reason: 'gone from lo', destinations: [] },
    ],
  });
  const status = await appOf(source).inject({ url: '/api/v1/status', headers: { host } });
  t.match(JSON.parse(status.body), { ports: [{ free: 995 }] }, 'the same number there');
  source.list = [sourceStatus({ heldElsewhere: 4 })];
  const held = await appOf(source).inject({ url: '/api/v1/sources', headers: { host } });
  t.match(
    JSON.parse(held.body),
    { sources: [{ destinations: [{ free: 991, unusable: 5 }] }] },
    'and not what others hold',
  );
  source.current = { planes: new Map([['plane-1', planeMetrics(2000)]]), retired: undefined, isComplete: true };
  const full = await appOf(source).inject({ url: '/api/v1/sources', headers: { host } });
  t.match(JSON.parse(full.body), { sources: [{ destinations: [{ free: 0, used: 2000 }] }] }, 'never below 0');
});

t.test('adding and draining', async (t) => {
  const source = new FakeAdminSource();
  const app = appOf(source);
  const add = (payload: object) => app.inject({ method: 'POST', url: ADDRESSES, headers: { host }, payload });
  const drain = (ip: string) => app.inject({ method: 'DELETE', url: `${ADDRESSES}/${ip}`, headers: { host } });
  source.change = { ok: true, status: sourceStatus({ address: '127.0.1.5', state: { kind: 'claiming' } }) };
  const added = await add({ address: '127.0.1.5' });
  t.equal(added.statusCode, 201);
  t.match(JSON.parse(added.body), { pool: 'default', address: '127.0.1.5', state: 'claiming', ports: 1000 });
  source.change = { ok: true, status: sourceStatus({ state: { kind: 'draining' } }) };
  const drained = await drain('fd00::1');
  t.equal(drained.statusCode, 202);
  t.match(JSON.parse(drained.body), { state: 'draining' });
  t.equal((await drain('fd00%3A%3A2')).statusCode, 202);
  t.strictSame(source.asked.splice(0), [
    ['add', 'default', '127.0.1.5'],
    ['drain', 'default', 'fd00::1'],
    ['drain', 'default', 'fd00::2'],
  ]);

  const statuses: Record<Extract<SourceChange, { ok: false }>['reason'], number> = {
    'no-pool': 404,
    'no-address': 404,
    exists: 409,
    refused: 409,
    last: 409,
    invalid: 422,
    full: 507,
  };
  for (const [reason, status] of Object.entries(statuses)) {
    source.change = { ok: false, reason: reason as keyof typeof statuses, detail: `because of ${reason}` };
    for (const { statusCode, headers, body } of [await add({ address: 'x' }), await drain('x')]) {
      t.equal(statusCode, status, reason);
      t.match(headers['content-type'], /^application\/problem\+json/);
      t.match(JSON.parse(body), { status, detail: `because of ${reason}` });
    }
  }
  source.asked.length = 0;
  for (const payload of [{}, { address: '' }, { address: 'x'.repeat(65) }, [], { address: { a: 1 } }]) {
    t.equal((await add(payload)).statusCode, 400, JSON.stringify(payload).slice(0, 40));
  }
  t.strictSame(source.asked, []);
});

t.test('pages of other origins and bodies that are not JSON change nothing', async (t) => {
  const source = new FakeAdminSource();
  const payload = '{"address":"127.0.1.5"}';
  const send = async (headers: Record<string, string>, app = appOf(source), method: 'POST' | 'DELETE' = 'POST') => {
    const url = method === 'POST' ? ADDRESSES : `${ADDRESSES}/127.0.1.5`;
    const answer = await app.inject({
      method,
      url,
      headers: { host, ...headers },
      ...(method === 'POST' ? { payload } : {}),
    });
    return answer.statusCode;
  };
  const json = { 'content-type': 'application/json' };
  for (const origin of [
    'http://evil.example',
    'http://127.0.0.1:8080',
    'http://127.0.0.1',
    'null',
    '',
    'x',
    'https://127.0.0.1:9797.evil',
  ]) {
    t.equal(await send({ ...json, origin }), 403, `POST from "${origin}"`);
    t.equal(await send({ origin }, undefined, 'DELETE'), 403, `DELETE from "${origin}"`);
  }
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=a',
    'application/jsonx',
  ]) {
    t.equal(await send({ 'content-type': type }), 415, type);
  }
  const guarded = appOf(source, 'secret');
  t.equal(await send(json, guarded), 401);
  t.equal(await send({}, guarded, 'DELETE'), 401);
  t.strictSame(source.asked, []);
  t.equal(await send({ ...json, origin: `http://${host}` }), 201, 'a page of its own');
  t.equal(await send({ ...json, origin: 'http://LOCALHOST:9797', host: 'localhost:9797' }), 201);
  t.equal(await send({ 'content-type': 'application/json; charset=utf-8' }), 201, 'a program');
  t.equal(await send({ ...json, authorization: 'Bearer secret' }, guarded), 201);
  t.equal(await send({}, undefined, 'DELETE'), 202, 'without a body');
  const read = await appOf(source).inject({ url: '/api/v1/sources', headers: { host, origin: 'http://evil.example' } });
  t.equal(read.statusCode, 200, 'reading is not changing; browsers keep the answer from the page');
  t.notOk(read.headers['access-control-allow-origin']);
});

t.test('ports, fullest first', async (t) => {
  const source = new FakeAdminSource();
  source.list = [sourceStatus({ ports: 300 }), sourceStatus({ address: '127.0.1.2', ports: 300 })];
  source.ranges = new Map([['default', { low: 1100, high: 1400 }]]);
  source.ahead = [forecast];
  const marked = new Uint8Array(512);
  marked[9] = 5;
  source.use = [
    portUse({ 8: 10, 9: 20 }, { quarantined: marked, unusable: marked }),
    portUse({ 10: 100 }, { source: '127.0.1.2' }),
    portUse({ 10: 100 }, { source: '127.0.1.3' }),
  ];
  const app = appOf(source);
  const get = async (query: string) => app.inject({ url: `/api/v1/ports${query}`, headers: { host } });
  const { body } = await get('');
  const none = { quarantined: 0, unusable: 0 };
  t.strictSame(JSON.parse(body), {
    ports: [
      {
        pool: 'default',
        source: '127.0.1.2',
        destination: '127.0.0.1:1',
        ports: 300,
        free: 200,
        used: 100,
        ...none,
        exhaustion_seconds: null,
        add_addresses: 0,
        cells: [
          { first: 1100, last: 1151, ports: 52, used: 0, ...none },
          { first: 1152, last: 1279, ports: 128, used: 0, ...none },
          { first: 1280, last: 1400, ports: 121, used: 100, ...none },
        ],
      },
      {
        pool: 'default',
        source: '127.0.1.1',
        destination: '127.0.0.1:1',
        ports: 300,
        free: 260,
        used: 30,
        quarantined: 5,
        unusable: 5,
        exhaustion_seconds: 398,
        add_addresses: 3,
        cells: [
          { first: 1100, last: 1151, ports: 52, used: 10, ...none },
          { first: 1152, last: 1279, ports: 128, used: 20, quarantined: 5, unusable: 5 },
          { first: 1280, last: 1400, ports: 121, used: 0, ...none },
        ],
      },
    ],
    next: null,
  });
  t.equal(JSON.parse((await get('?limit=1')).body).ports.length, 1);
  await get('?source=127.0.1.1&destination=127.0.0.1%3A1&limit=7');
  t.same(source.asked, [{ limit: 101 }, { limit: 2 }, { source: '127.0.1.1', destination: '127.0.0.1:1', limit: 8 }]);
  t.match(JSON.parse((await get('?limit=1')).body), { ports: [{ source: '127.0.1.2' }], next: 1 });
  t.match(JSON.parse((await get('?limit=1&offset=1')).body), { ports: [{ source: '127.0.1.1' }], next: null });
  t.match(JSON.parse((await get('?offset=2')).body), { ports: [], next: null });
  for (const query of ['?offset=-1', '?offset=100001', '?limit=0', '?limit=1001', '?limit=x', '?limit=1.5'])
    t.equal((await get(query)).statusCode, 400, query);
});
