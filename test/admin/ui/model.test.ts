import t from 'tap';
import type { Overview, StatusTick } from '../../../admin/ui/api/answers.ts';
import { attentionOf } from '../../../admin/ui/model/attention.ts';
import {
  formatBytes,
  formatCount,
  formatPercent,
  formatRate,
  formatSeconds,
  formatSpan,
  plural,
} from '../../../admin/ui/model/format.ts';
import { History } from '../../../admin/ui/model/history.ts';
import { parseLocation } from '../../../admin/ui/model/location.ts';
import { offsetFor, type Pair, PortRows, type SourceGroup } from '../../../admin/ui/model/port-rows.ts';
import { serverRows } from '../../../admin/ui/model/server-rows.ts';
import { PaintQueue } from '../../../admin/ui/parts/paint-queue.ts';

const calm: Overview = {
  version: '1',
  uptime_seconds: 10,
  ready: true,
  reasons: [],
  planes: [{ id: 'plane-1', ready: true, restarts: 0 }],
  workers: [],
  listeners: [],
  backends: [],
  pools: [],
  system: { warn: 3, fail: 0 },
};

t.test('numbers as a person reads them', async (t) => {
  t.strictSame([0, 999, 9999, 12345, 123456, 4_560_000, 7e9].map(formatCount), [
    '0',
    '999',
    '9,999',
    '12.3k',
    '123k',
    '4.56M',
    '7.00G',
  ]);
  t.strictSame([0, 0.25, 9.9, 10].map(formatRate), ['0', '0.3', '9.9', '10']);
  t.strictSame([0, 999, 1500, 2_345_678].map(formatBytes), ['0 B', '999 B', '1.5 KB', '2.3 MB']);
  t.strictSame([0, 0.0001, 0.034, 0.5, 1].map(formatPercent), ['0%', '<0.1%', '3.4%', '50%', '100%']);
  t.strictSame([0, 0.0002, 0.0042, 0.123, 2.5, 30].map(formatSeconds), [
    '0 ms',
    '0.20 ms',
    '4.2 ms',
    '123 ms',
    '2.5 s',
    '30 s',
  ]);
  t.strictSame([-1, 59, 90, 3600, 5400, 200_000].map(formatSpan), ['0 s', '59 s', '2 min', '1 h', '1 h 30 min', '2 d']);
  t.strictSame([plural(1, 'server'), plural(2, 'address', 'addresses')], ['1 server', '2 addresses']);
});

t.test('the history forgets what is too old', async (t) => {
  const history = new History(2);
  const tick = (second: number): StatusTick => ({
    retries_per_second: 0,
    exhausted_per_second: 0,
    waiting: 0,
    time: new Date(second * 1000).toISOString(),
    uptime_seconds: second,
    ready: true,
    connections: 5,
    websockets: 0,
    connections_per_second: 0,
    bytes_in_per_second: 0,
    bytes_out_per_second: 0,
    requests_per_second: 10,
    errors_per_second: 1,
    p50_seconds: 0.002,
    p99_seconds: null,
    listeners: [],
    backends: [],
    planes: [],
    ports: { used: 4, quarantined: 0, free: 9, first_to_run_out: null },
  });
  for (const second of [1, 2, 3]) history.add(tick(second));
  t.strictSame(history.columns, {
    time: [2, 3],
    ok: [9, 9],
    errors: [1, 1],
    p50: [2, 2],
    p99: [null, null],
    connections: [5, 5],
    ports: [4, 4],
  });
});

const source = (address: string, shown: number): SourceGroup => ({
  pool: 'default',
  address,
  claim: false,
  interface: 'lo',
  state: 'ready',
  ports: 1000,
  blocks: { free: 0, resting: 0, owners: [] },
  shown,
  destinations: shown,
  fullest: 0,
});

t.test('rows of sources and destinations, of which a part is here', async (t) => {
  const pair = (group: number, destination: string): Pair => ({
    source: group,
    destination,
    free: 1,
    used: 2,
    quarantined: 0,
    unusable: 0,
    exhaustion_seconds: null,
    add_addresses: 0,
  });
  const rows = new PortRows({
    pools: [],
    sources: [source('10.0.0.1', 2), source('10.0.0.2', 0), source('10.0.0.3', 3)],
    destinations: 3,
    total: 5,
    offset: 1,
    pairs: [pair(0, 'b'), pair(2, 'c'), pair(2, 'd')],
  });
  t.equal(rows.count, 8);
  const texts = Array.from({ length: rows.count }, (_, i) => {
    const row = rows.at(i);
    return `${row.kind} ${row.kind === 'pair' ? row.pair.destination : row.source.address}`;
  });
  t.strictSame(texts, [
    'source 10.0.0.1',
    'away 10.0.0.1',
    'pair b',
    'source 10.0.0.2',
    'source 10.0.0.3',
    'pair c',
    'pair d',
    'away 10.0.0.3',
  ]);
  t.strictSame(
    texts.map((_, i) => rows.pairIndex(i)),
    [0, 0, 1, 2, 2, 2, 3, 4],
  );
  t.strictSame([0, 99, 100, 250, 1000].map(offsetFor), [0, 0, 0, 100, 900]);
});

t.test('servers are found by their address and by their name', async (t) => {
  const server = { weight: 1, backup: false, healthy: true, state: 'ready', active: 0, idle: 0 } as const;
  const more = { ejected_by: 0, answers_total: 0, answer_seconds_total: 0 };
  const servers = [
    { id: '10.0.0.1:80', name: 'app.internal', ...server, ...more },
    { id: '10.0.0.2:80', ...server, ...more },
  ];
  const backends = ['app', 'other'].map((name) => ({ name, sticky: null, servers }));
  const found = (backend: string | undefined, text: string): string[] =>
    serverRows(backends, backend, text).map((row) =>
      row.kind === 'backend' ? `${row.backend.name} ${row.shown}` : row.server.id,
    );
  t.same(found('app', ''), ['app 2', '10.0.0.1:80', '10.0.0.2:80']);
  t.same(found('app', '0.2:'), ['app 1', '10.0.0.2:80']);
  t.same(found(undefined, 'internal'), ['app 1', '10.0.0.1:80', 'other 1', '10.0.0.1:80']);
  t.same(found('app', 'nobody'), ['app 0']);
});

t.test('drawings take a few milliseconds of each frame', async (t) => {
  let now = 0;
  const frames: (() => void)[] = [];
  const drawn: string[] = [];
  const queue = new PaintQueue({ onFrame: (paint) => frames.push(paint), now: () => now });
  const owners = ['a', 'b', 'c', 'd'].map((name) => ({ name }));
  for (const owner of owners) {
    queue.add(owner, () => {
      drawn.push(owner.name);
      now += 3;
    });
  }
  queue.remove(owners[2]!);
  t.equal(frames.length, 1, 'one frame is asked for');
  frames.shift()!();
  t.strictSame(drawn, ['a', 'b']);
  frames.shift()!();
  t.strictSame(drawn, ['a', 'b', 'd']);
  t.equal(frames.length, 0, 'nothing is due any more');
});

t.test('what needs attention, the worst first', async (t) => {
  t.strictSame(attentionOf(calm, 0), []);
  const backend = {
    name: 'app',
    servers: 2,
    available: 1,
    unhealthy: 1,
    drain: 0,
    maintenance: 0,
    ejected: 0,
    active: 0,
    idle: 0,
    queued: 0,
    connect_failures_total: 0,
    retries_total: 0,
    trouble: [{ id: '10.0.0.1:80', reason: 'ECONNREFUSED' }],
  };
  const pool = {
    name: 'wide',
    addresses: 2,
    ready: 2,
    draining: 0,
    ports: 100,
    used: 90,
    quarantined: 0,
    destinations: 1,
    queued: 0,
    exhausted: [],
    trouble: [],
    tightest: { destination: '10.0.0.1:80', busy: 90, capacity: 100, exhaustion_seconds: 60, add_addresses: 2 },
  };
  const items = attentionOf({ ...calm, backends: [backend], pools: [pool], system: { warn: 2, fail: 1 } }, 0.02);
  t.match(items, [
    { severity: 'bad', text: 'Pool wide runs out of ports towards 10.0.0.1:80 in 1 min', action: 'Add 2 addresses' },
    { severity: 'bad', text: '2.0% of answers are server errors' },
    { severity: 'warn', text: 'Backend app: 1 of 2 servers is not healthy', detail: '10.0.0.1:80: ECONNREFUSED' },
    { severity: 'warn', text: '1 setting of this machine stands in the way of many connections' },
  ]);
  t.match(attentionOf({ ...calm, backends: [{ ...backend, available: 0, unhealthy: 2 }] }, 0), [
    { severity: 'bad', text: 'Backend app has no server to send to' },
  ]);
  const dead = { ...calm, planes: [{ ...calm.planes[0]!, ready: false, restarts: 2 }] };
  t.match(attentionOf(dead, 0), [{ severity: 'bad', text: 'plane-1 does not run' }]);
});

t.test('pages are named behind the #', async (t) => {
  t.strictSame(parseLocation(''), { page: 'overview', item: undefined });
  t.strictSame(parseLocation('#/ports/a%2Fb'), { page: 'ports', item: 'a/b' });
  t.strictSame(parseLocation('#/ports/%zz'), { page: 'ports', item: '%zz' }, 'an escape that is none');
  t.strictSame(parseLocation('#/nowhere/x').page, 'overview');
});
