import { spawnSync } from 'node:child_process';
import { collectDefaultMetrics, Registry } from 'prom-client';
import t from 'tap';
import type { AdminSource } from '../../admin/admin-source.ts';
import { Exposition } from '../../admin/metrics/exposition.ts';
import type { WrittenMetric } from '../../admin/metrics/metric.ts';
import { PortSeries } from '../../admin/metrics/port-series.ts';
import { findTopDestinations } from '../../admin/metrics/top-destinations.ts';
import type { PortForecast } from '../../lb/forecast/forecaster.ts';
import { FakeAdminSource, planeMetrics, sourceStatus } from '../fixtures/fake-admin-source.ts';
import { parsePrometheusText } from '../fixtures/prometheus-text.ts';

const expositionOf = (source: AdminSource, registry = new Registry(), topDestinations = 100) =>
  new Exposition({ source, traffic: () => source.traffic(), registry }, { topDestinations });

/** Every series of a scrape with its value, the labels sorted. */
const seriesOf = (text: string) =>
  new Map([...parsePrometheusText(text).values()].flatMap(({ series }) => [...series]));

const MIRRORED = [{ backend: 'shadow', outcome: 'dropped', count: 4 }];

t.test('planes are added up, with those that are gone', async (t) => {
  const source = new FakeAdminSource();
  source.current = {
    planes: new Map([
      ['plane-1', planeMetrics(1, { hedges: [{ backend: 'app', outcome: 'won', count: 1 }] })],
      ['plane-2', planeMetrics(2, { hedges: [{ backend: 'app', outcome: 'won', count: 2 }], mirrored: MIRRORED })],
    ]),
    retired: planeMetrics(10, { ports: [], queueDepth: [] }),
    isComplete: false,
  };
  const series = seriesOf(String(await expositionOf(source).collect()));
  const expected: Record<string, number> = {
    'portico_hedges_total{backend="app",outcome="won"}': 3,
    'portico_mirrored_requests_total{backend="shadow",outcome="dropped"}': 4,
    'portico_requests_total{backend="app",code="200",listener="web"}': 7 * 13,
    'portico_requests_total{backend="app",code="502",listener="web"}': 13,
    'portico_connections_total{listener="web"}': 130,
    'portico_requests_rejected_total{listener="web",reason="malformed"}': 13,
    'portico_source_ports{destination="127.0.0.1:1",source="127.0.1.1",state="free"}': 200,
    'portico_source_ports{destination="127.0.0.1:1",source="127.0.1.1",state="used"}': 3,
    'portico_source_exhausted_total{outcome="refused",pool="default"}': 13,
    'portico_queue_depth{pool="default"}': 3,
    'portico_retries_total{backend="app",reason="connect"}': 13,
    'portico_server_up{backend="app",server="127.0.0.1:1"}': 1,
    'portico_plane_restarts_total{plane="plane-1"}': 3,
    'portico_request_duration_seconds_bucket{backend="app",le="0.001",listener="web"}': 65,
    'portico_request_duration_seconds_bucket{backend="app",le="0.1",listener="web"}': 91,
    'portico_request_duration_seconds_bucket{backend="app",le="+Inf",listener="web"}': 104,
    'portico_request_duration_seconds_sum{backend="app",listener="web"}': 19.5,
    'portico_request_duration_seconds_count{backend="app",listener="web"}': 104,
    'portico_stream_connections_total{backend="app",listener="raw",outcome="closed"}': 65,
    'portico_stream_connections_total{backend="app",listener="raw",outcome="idle"}': 13,
    'portico_stream_bytes_total{backend="app",direction="in",listener="raw"}': 1300,
    'portico_stream_bytes_total{backend="app",direction="out",listener="raw"}': 2600,
    'portico_plane_resident_memory_bytes{plane="plane-2"}': 1000,
    'portico_worker_resident_memory_bytes{worker="app-1"}': 2000,
    'portico_worker_cpu_seconds_total{worker="app-1"}': 3,
    'portico_worker_event_loop_lag_seconds{worker="app-1"}': 0.02,
    portico_scrape_incomplete: 1,
  };
  for (const [line, number] of Object.entries(expected)) t.equal(series.get(line), number, line);
});

/** Runs `promtool check metrics`; undefined where it is not installed. It exits 1 on what it cannot parse, 3 on bad style. */
function promtool(text: string): { status: number | null; stderr: string } | undefined {
  const check = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  return check.error === undefined ? check : undefined;
}

t.test('Prometheus’s own tool finds nothing to complain of', async (t) => {
  const strange = planeMetrics(1, { retries: [{ backend: 'a"b\\c\nd', reason: 'ü', count: 1 }] });
  const source = new FakeAdminSource();
  source.current = { planes: new Map([['plane-1', strange]]), retired: undefined, isComplete: true };
  const text = String(await expositionOf(source).collect());
  t.ok(seriesOf(text).has('portico_retries_total{backend="a\\"b\\\\c\\nd",reason="ü"}'));
  const check = promtool(text);
  if (check === undefined) {
    t.pass('promtool check metrics', { skip: 'promtool is not installed (Debian package prometheus)' });
    return;
  }
  t.match(check, { status: 0, stderr: '' });
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'portico_primary_' });
  // Some names that prom-client gives to what it knows of Node are against the tool's taste; it must be able to read them.
  t.not(promtool(String(await expositionOf(source, registry).collect()))!.status, 1);
});

t.test('a scrape before any plane reports', async (t) => {
  const source = new FakeAdminSource();
  source.current = { planes: new Map(), retired: undefined, isComplete: false };
  const text = String(await expositionOf(source).collect());
  t.equal(seriesOf(text).get('portico_scrape_incomplete'), 1);
  t.equal(seriesOf(text).get('portico_plane_restarts_total{plane="plane-1"}'), 3);
  const check = promtool(text);
  if (check !== undefined) t.equal(check.status, 0, check.stderr);
});

t.test('counters stay when a plane dies, gauges go', async (t) => {
  const source = new FakeAdminSource();
  const exposition = expositionOf(source);
  source.current = {
    planes: new Map([
      ['plane-1', planeMetrics()],
      ['plane-2', planeMetrics(5)],
    ]),
    retired: undefined,
    isComplete: true,
  };
  const before = parsePrometheusText(String(await exposition.collect()));
  const gone = planeMetrics(5, { ports: [], queueDepth: [] });
  source.current = {
    planes: new Map([['plane-1', planeMetrics()]]),
    retired: { ...gone, listeners: gone.listeners.map((each) => ({ ...each, connections: 0, webSockets: 0 })) },
    isComplete: false,
  };
  const after = parsePrometheusText(String(await exposition.collect()));
  for (const [name, { type, series }] of before) {
    // CPU time is that of a process, and starts again with it.
    if (type === 'gauge' || name === 'portico_plane_cpu_seconds_total') continue;
    for (const [at, value] of series) t.equal(after.get(name)!.series.get(at), value, at);
  }
  t.equal(after.get('portico_connections')!.series.get('portico_connections{listener="web"}'), 2);
  t.notOk(after.get('portico_plane_cpu_seconds_total')!.series.has('portico_plane_cpu_seconds_total{plane="plane-2"}'));
});

t.test('the same source in two pools is one series', async (t) => {
  const source = new FakeAdminSource();
  const [port] = planeMetrics().ports;
  const ports = [port!, { ...port!, pool: 'second', used: 4 }];
  source.current = { planes: new Map([['plane-1', planeMetrics(1, { ports })]]), retired: undefined, isComplete: true };
  const series = seriesOf(String(await expositionOf(source).collect()));
  t.equal(series.get('portico_source_ports{destination="127.0.0.1:1",source="127.0.1.1",state="used"}'), 5);
});

t.test('destinations beyond the top ones share a label', async (t) => {
  const source = new FakeAdminSource();
  const [port] = planeMetrics().ports;
  const ports = [1, 2, 3, 4, 5].map((used) => ({ ...port!, destination: `127.0.0.1:${used}`, used }));
  source.current = { planes: new Map([['plane-1', planeMetrics(1, { ports })]]), retired: undefined, isComplete: true };
  const series = [...seriesOf(String(await expositionOf(source, new Registry(), 2).collect()))];
  t.strictSame(
    series.filter(([name]) => name.startsWith('portico_source_ports') && name.includes('state="used"')).sort(),
    [
      ['portico_source_ports{destination="127.0.0.1:4",source="127.0.1.1",state="used"}', 4],
      ['portico_source_ports{destination="127.0.0.1:5",source="127.0.1.1",state="used"}', 5],
      ['portico_source_ports{destination="other",source="127.0.1.1",state="used"}', 6],
    ],
  );
});

t.test('scrapes at the same time share one collection', async (t) => {
  const source = new FakeAdminSource();
  const exposition = expositionOf(source);
  const [a, b] = await Promise.all([exposition.collect(), exposition.collect()]);
  t.equal(a, b);
  t.equal(source.collections, 1);
  await exposition.collect();
  t.equal(source.collections, 2);
});

t.test('many destinations fold into one, and what is gone is forgotten', async (t) => {
  const port = (destination: string, source: string, used: number) => ({
    pool: 'p',
    source,
    destination,
    leases: 0,
    free: 1,
    used,
    quarantined: 0,
    unusable: 0,
  });
  const ports = [port('a', 's1', 1), port('b', 's1', 5), port('c', 's1', 3), port('a', 's2', 1), port('d', 's2', 9)];
  const series = new PortSeries({ topDestinations: 2 });
  const linesOf = (of: typeof ports, state: string): string[] => {
    const [metric] = series.collect({ ports: of, sources: [], forecasts: [] });
    const { lines } = metric as WrittenMetric;
    return String(lines)
      .split('\n')
      .flatMap((line) => {
        const match = /source="(.*)",destination="(.*)",state="(.*)"\} (\d+)$/.exec(line);
        return match?.[3] === state ? [`${match[1]} ${match[2]} ${match[4]}`] : [];
      });
  };
  t.strictSame(linesOf(ports, 'used').sort(), ['s1 b 5', 's1 other 4', 's2 d 9', 's2 other 1']);
  t.strictSame(
    linesOf(ports, 'free').sort(),
    ['s1 b 1', 's1 other 2', 's2 d 1', 's2 other 1'],
    'nothing of before is in it',
  );
  t.strictSame(linesOf(ports.slice(0, 2), 'used'), ['s1 b 5', 's1 a 1']);
  t.strictSame([...findTopDestinations(ports, 4)], ['a', 'b', 'c', 'd']);
});

t.test('sources: free of the whole source, state, forecasts, drift and claims', async (t) => {
  const source = new FakeAdminSource();
  const forecast = (destination: string, exhaustionSeconds: number, address?: string): PortForecast => ({
    pool: 'default',
    ...(address === undefined ? {} : { source: address }),
    destination,
    busy: 1,
    capacity: 2,
    leaseRate: 1,
    holdSeconds: 1,
    exhaustionSeconds,
    addAddresses: 0,
  });
  const [port] = planeMetrics().ports;
  const ports = [3, 2, 1].map((used) => ({ ...port!, destination: `127.0.0.1:${used}`, used }));
  const exhausted = ['other-server', 'queued', 'queue-timeout', 'refused'].map((outcome, i) => ({
    pool: 'default',
    outcome,
    count: i + 1,
  }));
  source.current = {
    planes: new Map([['plane-1', planeMetrics(1, { ports, exhausted })]]),
    retired: undefined,
    isComplete: true,
  };
  source.list = [sourceStatus(), sourceStatus({ address: '127.0.1.2', state: { kind: 'lost', reason: 'gone' } })];
  source.counters = { drift: { missing: 2 }, claims: { claimed: 4, conflict: 1 } };
  source.ahead = [
    forecast('127.0.0.1:3', 1),
    forecast('127.0.0.1:3', 12.5, '127.0.1.1'),
    forecast('127.0.0.1:2', 40, '127.0.1.1'),
    forecast('127.0.0.1:1', Number.POSITIVE_INFINITY, '127.0.1.1'),
    forecast('127.0.0.1:1', Number.POSITIVE_INFINITY, '127.0.1.2'),
  ];
  const text = String(await expositionOf(source, new Registry(), 1).collect());
  const sample = (line: string): string | undefined =>
    text
      .split('\n')
      .find((each) => each.startsWith(`${line} `))
      ?.slice(line.length + 1);
  const expected: Record<string, string> = {
    'portico_source_ports{source="127.0.1.1",destination="127.0.0.1:3",state="free"}': '993',
    'portico_source_exhaustion_seconds{source="127.0.1.1",destination="127.0.0.1:3"}': '12.5',
    'portico_source_exhaustion_seconds{source="127.0.1.1",destination="other"}': '40',
    'portico_source_exhaustion_seconds{source="127.0.1.2",destination="other"}': '+Inf',
    'portico_source_state{pool="default",source="127.0.1.1",state="ready"}': '1',
    'portico_source_state{pool="default",source="127.0.1.2",state="ready"}': '0',
    'portico_source_state{pool="default",source="127.0.1.2",state="lost"}': '1',
    'portico_source_drift_total{kind="missing"}': '2',
    'portico_source_claims_total{result="conflict"}': '1',
    'portico_source_exhausted_total{pool="default",outcome="other-server"}': '1',
    'portico_source_exhausted_total{pool="default",outcome="queue-timeout"}': '3',
  };
  for (const [line, value] of Object.entries(expected)) t.equal(sample(line), value, line);
  t.equal(text.match(/^portico_source_exhaustion_seconds\{/gm)!.length, 3, 'pools as a whole are not in it');
  const check = promtool(text);
  if (check === undefined) t.pass('promtool', { skip: 'promtool is not installed (Debian package prometheus)' });
  else t.match(check, { status: 0, stderr: '' });
});
