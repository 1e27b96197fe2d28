import { fileURLToPath } from 'node:url';
import t from 'tap';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { noPrometheus, RunningPrometheus } from '../fixtures/running-prometheus.ts';
import { get } from '../fixtures/steady-load.ts';

const RULES = fileURLToPath(new URL('../../../config/prometheus-rules.yaml', import.meta.url));
/** So many answers, and then so many more. */
const REQUESTS = [120, 80] as const;

interface Rules {
  readonly data: { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
}

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

t.test('a real Prometheus scrapes, and finds the right numbers', { skip: noPrometheus ?? false }, async (t) => {
  const [port, admin] = await freePorts();
  const [prometheusPort] = await freePorts();
  const portico = new PorticoProcess([
    'run',
    '-c',
    writeConfig(`
planes: 2
admin: { listen: "127.0.0.1:${admin}" }
sources: [{ name: default, addresses: [127.0.7.1-127.0.7.4], ports: 20000-20999 }]
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends: [{ name: app, workers: { module: builtin:echo, count: 1 } }]
`),
  ]);
  t.teardown(() => portico.child.kill('SIGKILL'));
  await portico.until(/Portico is running\./);
  const prometheus = new RunningPrometheus({
    port: prometheusPort,
    target: `127.0.0.1:${admin}`,
    intervalSeconds: 1,
    ruleFile: RULES,
  });
  t.teardown(() => prometheus.stop());

  const answered = 'sum(portico_requests_total{listener="web",backend="app",code="200"})';
  let sent = 0;
  for (const count of REQUESTS) {
    for (let i = 0; i < count; i++) t.equal((await get(port, '/')).status, 200);
    sent += count;
    const isAll = ([sum = 0]: number[]): boolean => sum >= sent;
    t.strictSame(await prometheus.until(() => prometheus.query(answered), isAll), [sent]);
  }
  const seconds = 'portico_request_duration_seconds';
  t.strictSame(await prometheus.query(`${seconds}_count{listener="web",backend="app"}`), [sent]);
  const [median = 0] = await prometheus.query(`histogram_quantile(0.5, ${seconds}_bucket{backend="app"})`);
  t.ok(median > 0 && median < 10, `buckets are read as such: ${median}`);
  t.strictSame(await prometheus.query('portico_server_up'), [1]);
  // 4 addresses of 1,000 ports, each counted once for the one destination, whatever the planes and blocks.
  t.strictSame(await prometheus.query('sum(portico_source_ports)'), [4000]);
  t.strictSame(await prometheus.query('count(portico_source_exhaustion_seconds)'), [4]);

  const rules = await prometheus.until(
    async () => (await prometheus.ask<Rules>('/rules'))?.data.groups.flatMap((group) => group.rules) ?? [],
    (found) => found.length > 0 && found.every(({ health }) => health !== 'unknown'),
  );
  t.strictSame(
    rules.filter(({ health }) => health !== 'ok'),
    [],
    'every rule can be evaluated',
  );
  const up = await prometheus.samples('up{job="portico"}[5m]');
  t.ok(up.length > 1);
  t.strictSame(
    up.filter((value) => value !== 1),
    [],
    'no scrape failed',
  );
  t.strictSame(await prometheus.query('max_over_time(portico_scrape_incomplete[5m])'), [0]);
});
