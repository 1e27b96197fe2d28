import { spawnSync } from 'node:child_process';
import t from 'tap';
import { Exposition } from '../../admin/metrics/exposition.ts';
import { foldPorts } from '../../admin/metrics/fold-ports.ts';
import { sumPlaneMetrics } from '../../lb/metrics/sum-plane-metrics.ts';
import { FakeAdminSource, planeMetrics } from '../fixtures/fake-admin-source.ts';

t.test('planes are added up, with those that are gone', async (t) => {
  const source = new FakeAdminSource();
  source.current = {
    planes: new Map([
      ['plane-1', planeMetrics()],
      ['plane-2', planeMetrics(2)],
    ]),
    retired: planeMetrics(10, { ports: [], queueDepth: [] }),
    isComplete: false,
  };
  const text = await new Exposition(source).collect();
  const value = (line: string): number => {
    const found = text.split('\n').find((candidate) => candidate.startsWith(`${line} `));
    return found === undefined ? Number.NaN : Number(found.slice(line.length + 1));
  };
  const expected: Record<string, number> = {
    'portico_requests_total{listener="web",backend="app",code="200"}': 7 * 13,
    'portico_requests_total{listener="web",backend="app",code="502"}': 13,
    'portico_connections_total{listener="web"}': 130,
    'portico_requests_rejected_total{listener="web",reason="malformed"}': 13,
    'portico_source_ports{source="127.0.1.1",destination="127.0.0.1:1",state="free"}': 200,
    'portico_source_ports{source="127.0.1.1",destination="127.0.0.1:1",state="used"}': 3,
    'portico_source_exhausted_total{pool="default",outcome="refused"}': 13,
    'portico_queue_depth{pool="default"}': 3,
    'portico_retries_total{backend="app",reason="connect"}': 13,
    'portico_server_up{backend="app",server="127.0.0.1:1"}': 1,
    'portico_plane_restarts_total{plane="plane-1"}': 3,
    'portico_request_duration_seconds_bucket{listener="web",backend="app",le="0.001"}': 65,
    'portico_request_duration_seconds_bucket{listener="web",backend="app",le="0.1"}': 91,
    'portico_request_duration_seconds_bucket{listener="web",backend="app",le="+Inf"}': 104,
    'portico_request_duration_seconds_sum{listener="web",backend="app"}': 19.5,
    'portico_request_duration_seconds_count{listener="web",backend="app"}': 104,
    'portico_plane_resident_memory_bytes{plane="plane-2"}': 1000,
    portico_scrape_incomplete: 1,
  };
  for (const [line, number] of Object.entries(expected)) t.equal(value(line), number, line);
});

t.test('Prometheus’s own tool finds nothing to complain of', async (t) => {
  const text = await new Exposition(new FakeAdminSource()).collect();
  const check = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  if (check.error !== undefined) {
    t.pass('promtool check metrics', { skip: 'promtool is not installed (Debian package prometheus)' });
    return;
  }
  // What prom-client itself exposes of Node has names that the linter dislikes; ours are ours to keep clean.
  const complaints = check.stderr
    .split('\n')
    .filter((line) => line.startsWith('portico_') && !line.startsWith('portico_primary_'));
  t.same(complaints, []);
  t.notMatch(check.stderr, /error while linting/);
});

t.test('scrapes at the same time share one collection', async (t) => {
  const source = new FakeAdminSource();
  const exposition = new Exposition(source);
  const [a, b] = await Promise.all([exposition.collect(), exposition.collect()]);
  t.equal(a, b);
  t.equal(source.collections, 1);
  await exposition.collect();
  t.equal(source.collections, 2);
});

t.test('many destinations fold into one', async (t) => {
  const port = (destination: string, source: string, used: number) => ({
    pool: 'p',
    source,
    destination,
    free: 1,
    used,
    quarantined: 0,
    unusable: 0,
  });
  const ports = [port('a', 's1', 1), port('b', 's1', 5), port('c', 's1', 3), port('a', 's2', 1), port('d', 's2', 9)];
  t.same(
    foldPorts(ports, 2).map(({ destination, source, used, free }) => [destination, source, used, free]),
    [
      ['b', 's1', 5, 1],
      ['d', 's2', 9, 1],
      ['other', 's1', 4, 2],
      ['other', 's2', 1, 1],
    ],
  );
  t.same(foldPorts(ports, 4), ports);
});

t.test('the sum of nothing is empty', async (t) => {
  t.same(sumPlaneMetrics([]).listeners, []);
  t.equal(sumPlaneMetrics([]).residentBytes, 0);
});
