import t from 'tap';
import type { Overview } from '../../../admin/ui/api/types.ts';
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
import { quantile } from '../../../admin/ui/model/quantile.ts';
import { ratesBetween } from '../../../admin/ui/model/rates.ts';

const calm: Overview = {
  version: '1',
  uptime_seconds: 10,
  ready: true,
  reasons: [],
  planes: [{ id: 'plane-1', ready: true, restarts: 0, cpu_seconds: 1, resident_bytes: 1 }],
  workers: [],
  listeners: [],
  requests: [],
  streams: [],
  backends: [],
  pools: [],
  system: { warn: 3, fail: 0 },
};

const counted = (codes: Record<number, number>, counts: number[]) => ({
  listener: 'web',
  backend: 'app',
  codes: Object.entries(codes).map(([code, count]) => ({ code: Number(code), count })),
  duration: { bounds: [0.01, 0.1], counts, sum: 1 },
});

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

t.test('a quantile lies within its bucket', async (t) => {
  const bounds = [1, 2, 4];
  t.equal(quantile({ bounds, counts: [0, 0, 0, 0] }, 0.5), undefined);
  t.equal(quantile({ bounds, counts: [0, 10, 0, 0] }, 0.5), 1.5);
  t.equal(quantile({ bounds, counts: [5, 0, 5, 0] }, 0.75), 3, 'empty buckets are passed over');
  t.equal(quantile({ bounds, counts: [0, 0, 0, 3] }, 0.5), 4, 'beyond the last bound, that bound');
});

t.test('rates are what was counted between two looks', async (t) => {
  const before = { ...calm, requests: [counted({ 200: 10, 502: 1 }, [11, 0, 0])] };
  const now = {
    ...calm,
    uptime_seconds: 12,
    requests: [counted({ 200: 28, 404: 1, 502: 2 }, [11, 20, 0])],
    planes: [{ ...calm.planes[0]!, cpu_seconds: 2.5 }],
  };
  const rates = ratesBetween(before, now)!;
  t.equal(rates.all.perSecond, 10);
  t.strictSame(rates.all.byClass, [0, 0, 9, 0, 0.5, 0.5]);
  t.equal(rates.all.failed, 0.05);
  t.ok(rates.all.p50! > 0.01 && rates.all.p50! < 0.1, 'of the new ones alone');
  t.equal(rates.byBackend.get('app')?.perSecond, 10);
  t.equal(rates.cpu.get('plane-1'), 0.75);
  t.equal(ratesBetween(now, before), undefined, 'a Portico that started anew');
  const restarted = { ...now, planes: [{ ...calm.planes[0]!, cpu_seconds: 0.1 }] };
  t.equal(ratesBetween(before, restarted)?.cpu.size, 0, 'a plane that started anew');
});

t.test('the history forgets what is too old', async (t) => {
  const history = new History(2);
  const rates = ratesBetween({ ...calm, uptime_seconds: 9 }, calm)!;
  for (const second of [1, 2, 3]) history.add(second, calm, rates);
  t.strictSame(history.columns.time, [2, 3]);
  t.strictSame(history.columns.p99, [null, null], 'no request, no latency');
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
