import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Registry } from 'prom-client';
import t from 'tap';
import { parse } from 'yaml';
import { Exposition } from '../../admin/metrics/exposition.ts';
import { FakeAdminSource, forecast, planeMetrics, sourceStatus } from '../fixtures/fake-admin-source.ts';
import { parsePrometheusText } from '../fixtures/prometheus-text.ts';
import { askedMetrics } from '../fixtures/promql-names.ts';

const RULES = fileURLToPath(new URL('../../../config/prometheus-rules.yaml', import.meta.url));
const CASES = fileURLToPath(new URL('../../../test/fixtures/prometheus-rules.test.yaml', import.meta.url));
const isMissing = spawnSync('promtool', ['--version']).error !== undefined;
const skip = isMissing ? 'promtool is not installed (Debian package prometheus)' : false;

t.test('the rules are right, and fire when they should', { skip }, async (t) => {
  for (const [what, file] of [
    ['check', RULES],
    ['test', CASES],
  ] as const) {
    const { status, stdout, stderr } = spawnSync('promtool', [what, 'rules', file], { encoding: 'utf8' });
    t.equal(status, 0, `promtool ${what} rules: ${stdout}${stderr}`);
  }
});

t.test('every metric that a rule asks for exists, with its labels', async (t) => {
  const source = new FakeAdminSource();
  source.list = [sourceStatus()];
  source.ahead = [forecast()];
  source.counters = { drift: { foreign: 1 }, claims: {} };
  source.current = { planes: new Map([['plane-1', planeMetrics()]]), retired: undefined, isComplete: true };
  const exposition = new Exposition(
    { source, traffic: () => source.traffic(), registry: new Registry() },
    { topDestinations: 10 },
  );
  const families = parsePrometheusText(String(await exposition.collect()));
  const { groups } = parse(readFileSync(RULES, 'utf8')) as { groups: { rules: { expr: string }[] }[] };
  const expressions = groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
  t.ok(expressions.length > 10);
  for (const { name, labels } of askedMetrics(expressions)) {
    const family = families.get(name) ?? families.get(name.replace(/_bucket$/, ''));
    t.ok(family, name);
    const series = [...(family?.series.keys() ?? [])].join(' ');
    for (const label of labels) t.match(series, `${label}="`, `${name} has ${label}`);
  }
});
