import t from 'tap';
import { loadConfig } from '../../../config/load.ts';
import { describeEvent, EventLog, type PorticoEvent } from '../../../src/event-log.ts';
import { Machine } from '../../../src/system/machine.ts';
import { SystemService } from '../../../src/system-service.ts';
import { FakeClock } from '../../fixtures/fake-clock.ts';
import { removeRoot, scratchRoot, snapshot } from '../../fixtures/scratch-machine.ts';

const YAML = `planes: 2
listeners: [{ name: web, bind: "0.0.0.0:8080", backend: app }]
backends: [{ name: app, connections_per_server: 100, servers: [{ address: "127.0.0.1:9" }] }]
`;

function serviceFor(t: typeof import('tap').t | import('tap').Test, nofile: number) {
  const root = scratchRoot({ nofile });
  t.teardown(() => removeRoot(root));
  const loaded = loadConfig(YAML, { file: 'x', directory: '/', cpuCount: 2 });
  if (!loaded.ok) throw new Error('the config is valid');
  const clock = new FakeClock();
  const log = new EventLog();
  const events: PorticoEvent[] = [];
  log.subscribe((event) => events.push(event));
  let connections = 0;
  const service = new SystemService(
    { clock, log, connections: () => Promise.resolve(connections), machine: new Machine(root) },
    loaded.config,
  );
  service.start();
  const look = async (count: number): Promise<PorticoEvent[]> => {
    connections = count;
    clock.advance(10_000);
    // A turn of the event loop: the question for the connections was answered in it.
    await new Promise((resolve) => setImmediate(resolve));
    return events.splice(0);
  };
  return { root, service, clock, look };
}

t.test('a limit that comes near is told once, and never at a start', async (t) => {
  const { service, look, clock } = serviceFor(t, 1099);
  // 2 planes × (1,099 − 32 − 67 in reserve) ÷ 2
  t.match(service.summary().capacity, { descriptors: 1000, 'per-server': 200 });
  t.strictSame(await look(0), []);
  t.strictSame(await look(799), [], 'what servers take is not asked: most clients may be silent');
  const [event, ...more] = await look(800);
  t.strictSame(event, {
    type: 'system-limit-near',
    limit: 'descriptors',
    title: 'descriptors of the planes',
    connections: 800,
    allowed: 1000,
  });
  t.strictSame(more, []);
  t.equal(
    describeEvent(event!),
    '800 connections are open, near the most (1,000) for descriptors of the planes; `portico check` says what to change',
  );
  t.strictSame(await look(950), []);
  t.strictSame(await look(750), [], 'not over yet');
  t.strictSame(await look(900), []);
  t.strictSame(await look(600), []);
  t.equal((await look(800)).length, 1, 'a second time');
  service.stop();
  t.equal(clock.pending, 0);
});

t.test('findings as a number', async (t) => {
  const { service, root } = serviceFor(t, 524_288);
  const before = snapshot(root);
  const { warn } = service.summary().findings;
  t.ok(warn > 5);
  t.equal(service.report().summary.warn, warn);
  t.match(service.report(1_000_000), { target: 1_000_000 });
  t.match(service.apply({ isDryRun: true }), { ok: true });
  t.strictSame(snapshot(root), before);
  t.match(service.apply({ isDryRun: false, only: ['nobody'] }), { ok: false, reason: 'unknown' });
  t.match(service.apply({ isDryRun: false }), { ok: true });
  t.ok(service.summary().findings.warn < warn, 'at once, not at the next look');
  t.match(service.undo({ isDryRun: false }), { ok: true });
  t.strictSame(snapshot(root), before);
});
