import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { collectDefaultMetrics, Registry } from 'prom-client';
import t from 'tap';
import { Exposition } from '../../admin/metrics/exposition.ts';
import { FakeAdminSource, forecast, planeMetrics, sourceStatus } from '../fixtures/fake-admin-source.ts';
import { parsePrometheusText } from '../fixtures/prometheus-text.ts';
import { askedMetrics } from '../fixtures/promql-names.ts';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
}

const FILE = fileURLToPath(new URL('../../../config/grafana-dashboard.json', import.meta.url));
const dashboard = JSON.parse(readFileSync(FILE, 'utf8')) as { panels: Panel[]; templating: { list: object[] } };
const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

t.test('every metric that a panel asks for exists, with its labels', async (t) => {
  const source = new FakeAdminSource();
  source.list = [sourceStatus()];
  source.ahead = [forecast()];
  source.counters = { drift: { foreign: 1 }, claims: { claimed: 1 } };
  const metrics = planeMetrics(1, {
    queues: [{ backend: 'app', depth: 1, queued: 1, timeouts: 1, refused: 1, shed: 1, retriesRefused: 1 }],
  });
  source.current = { planes: new Map([['plane-1', metrics]]), retired: undefined, isComplete: true };
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'portico_primary_' });
  const exposition = new Exposition({ source, traffic: () => source.traffic(), registry }, { topDestinations: 10 });
  const families = parsePrometheusText(String(await exposition.collect()));
  t.ok(expressions.length > 30, `${expressions.length} expressions`);
  for (const { name, labels } of askedMetrics(expressions)) {
    const family = families.get(name) ?? families.get(name.replace(/_bucket$/, ''));
    t.ok(family, name);
    const series = [...(family?.series.keys() ?? [])].join(' ');
    for (const label of labels) t.match(series, `${label}="`, `${name} has ${label}`);
  }
});

t.test('it can be shown', async (t) => {
  const ids = dashboard.panels.map(({ id }) => id);
  t.equal(new Set(ids).size, ids.length, 'ids are unique');
  for (const { type, title, description, gridPos } of dashboard.panels) {
    t.ok(gridPos.x + gridPos.w <= 24, `${title} fits in`);
    if (type !== 'row') t.ok(description, `${title} says what it is`);
  }
  for (const [i, a] of dashboard.panels.entries()) {
    for (const b of dashboard.panels.slice(i + 1)) {
      const [p, q] = [a.gridPos, b.gridPos];
      const apart = p.x + p.w <= q.x || q.x + q.w <= p.x || p.y + p.h <= q.y || q.y + q.h <= p.y;
      t.ok(apart, `${a.title} and ${b.title} do not overlap`);
    }
  }
});

const isMissing = spawnSync('promtool', ['--version']).error !== undefined;
t.test('Prometheus can read every expression', { skip: isMissing ? 'promtool is not installed' : false }, async (t) => {
  const rules = expressions.map((expr, i) => ({
    record: `check:expression_${i}`,
    expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
  }));
  const file = join(
    t.testdir({ 'rules.json': JSON.stringify({ groups: [{ name: 'dashboard', rules }] }) }),
    'rules.json',
  );
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
  t.equal(status, 0, stdout + stderr);
});
