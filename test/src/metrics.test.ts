import { spawnSync } from 'node:child_process';
import t from 'tap';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { parsePrometheusText } from '../fixtures/prometheus-text.ts';

const isMissing = spawnSync('promtool', ['--version']).error !== undefined;

t.test('the metrics of a Portico that runs', async (t) => {
  const [port, admin] = await freePorts();
  const file = writeConfig(`
planes: 1
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends: [{ name: app, workers: { module: builtin:echo, count: 1 } }]
`);
  const portico = new PorticoProcess(['run', '-c', file]);
  t.teardown(() => portico.child.kill('SIGKILL'));
  await portico.until(/Portico is running\./);
  for (let i = 0; i < 10; i++) t.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
  const scrape = async (accept: string) => {
    const answer = await fetch(`http://127.0.0.1:${admin}/metrics`, { headers: { accept } });
    return { type: answer.headers.get('content-type'), text: await answer.text() };
  };
  // A worker tells what it uses once a second.
  let families = parsePrometheusText((await scrape('text/plain')).text);
  while (!families.has('portico_worker_cpu_seconds_total')) {
    families = parsePrometheusText((await scrape('text/plain')).text);
  }
  t.equal(
    families
      .get('portico_requests_total')!
      .series.get('portico_requests_total{backend="app",code="200",listener="web"}'),
    10,
  );
  const ofServers = (name: string): number[] => [...families.get(name)!.series.values()];
  t.strictSame(ofServers('portico_upstream_answers_total'), [10]);
  const [seconds = 0] = ofServers('portico_upstream_answer_seconds_total');
  t.ok(seconds > 0 && seconds < 10, `${seconds} s for ten answers`);
  for (const name of [
    'portico_primary_process_resident_memory_bytes',
    'portico_primary_nodejs_eventloop_lag_p99_seconds',
    'portico_plane_resident_memory_bytes',
    'portico_plane_event_loop_lag_seconds',
    'portico_worker_resident_memory_bytes',
    'portico_worker_event_loop_lag_seconds',
  ]) {
    t.ok([...families.get(name)!.series.values()].every(Number.isFinite), name);
  }
  for (const [name, { help }] of families) t.ok(help.length > 10, `${name} is explained`);

  const plain = await scrape('text/plain');
  t.equal(plain.type, 'text/plain; version=0.0.4; charset=utf-8');
  if (isMissing) t.pass('promtool', { skip: 'promtool is not installed (Debian package prometheus)' });
  else {
    const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: plain.text, encoding: 'utf8' });
    t.equal(status, 0, stderr);
    t.equal(stderr, '');
  }
  const open = await scrape('application/openmetrics-text;version=1.0.0,text/plain;q=0.5');
  t.equal(open.type, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  t.match(open.text, /^# TYPE portico_requests counter\nportico_requests_total\{/m);
  t.ok(open.text.endsWith('\n# EOF\n'));
  t.equal(open.text.match(/# EOF/g)?.length, 1);
  portico.child.kill('SIGTERM');
  t.equal(await portico.ended(), 0);
});
