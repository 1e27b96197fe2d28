import t from 'tap';
import type { BackendConfig } from '../../config/config.ts';
import type { BackendState } from '../../lb/control/messages.ts';
import type { ProbeResult, ProbeTarget } from '../../lb/health/probe.ts';
import { ServerRegistry } from '../../src/server-registry.ts';
import { FakeClock } from '../fixtures/fake-clock.ts';

const CONFIG: BackendConfig = {
  name: 'app',
  balance: 'round-robin',
  hash: { by: 'client' },
  hashBalancePercent: 0,
  requestsPerServer: 0,
  adaptsRequests: false,
  queue: { most: 1024, timeoutMs: 5000, shed: { targetMs: 0, intervalMs: 0 } },
  retry: { on: ['connect', 'closed'], statuses: [], budgetPercent: 20, minPerSecond: 10, perTryTimeoutMs: 0 },
  source: 'default',
  pipelining: 1,
  connectionsPerServer: 1,
  stalledPerServer: 0,
  retries: 0,
  timeouts: { connectMs: 1, responseMs: 1, idleMs: 1 },
  slowStartMs: 0,
  health: { intervalMs: 1000, fastIntervalMs: 100, jitterPercent: 0, timeoutMs: 100, rise: 2, fall: 3 },
  servers: [
    { host: '10.0.0.1', port: 80, weight: 1, backup: false },
    { host: '::1', port: 80, weight: 2, backup: true },
  ],
};

function registryOf(config: Partial<BackendConfig> = {}, addresses: Readonly<Record<string, readonly string[]>> = {}) {
  const clock = new FakeClock();
  const probes: { target: ProbeTarget; answer: (result: ProbeResult) => void }[] = [];
  const states: BackendState[] = [];
  let known = addresses;
  const registry = new ServerRegistry(
    {
      clock,
      random: () => 0.5,
      addressesOf: (_pool, name) => known[name] ?? [],
      probe: (target) => new Promise((answer) => probes.push({ target, answer })),
      onChange: (state) => states.push(state),
      onVerdict: () => {},
    },
    { ...CONFIG, ...config },
  );
  registry.start();
  return {
    registry,
    clock,
    probes,
    states,
    /** From now on names stand for these. */
    resolve: (next: typeof addresses): void => {
      known = next;
      registry.followNames();
    },
    /** Answers the oldest probe, and lets the verdict be drawn. */
    answer: async (result: ProbeResult): Promise<void> => {
      probes.shift()!.answer(result);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const PASSED: ProbeResult = { outcome: 'passed' };

t.test('a server is unhealthy until its first check, and says why', async (t) => {
  const { registry, answer, states } = registryOf();
  t.match(registry.state.servers, [
    { id: '10.0.0.1:80', healthy: false, reason: 'not checked yet', backup: false },
    { id: '[::1]:80', healthy: false, weight: 2, backup: true },
  ]);
  await answer(PASSED);
  t.match(states.at(-1)!.servers[0], { healthy: true });
  t.notOk('reason' in states.at(-1)!.servers[0]!);
  await answer({ outcome: 'failed', reason: 'ECONNREFUSED' });
  t.match(registry.state.servers[1], { healthy: false, reason: 'ECONNREFUSED' });
  registry.stop();
});

t.test('who waits for a server to be healthy is told once, and never of one that has gone', async (t) => {
  const { registry, answer } = registryOf();
  const told: string[] = [];
  const wait = (id: string): void => registry.onceHealthy(id, () => told.push(id));
  wait('10.0.0.1:80');
  wait('[::1]:80');
  t.same(told, [], 'not as long as it is unknown');
  await answer(PASSED);
  t.same(told, ['10.0.0.1:80']);
  registry.remove('[::1]:80');
  await answer(PASSED);
  wait('10.0.0.1:80');
  t.same(told, ['10.0.0.1:80', '10.0.0.1:80'], 'at once, where it is known');
  registry.stop();
});

t.test('a server in maintenance is not checked, and is unknown when it comes back', async (t) => {
  const { registry, answer, clock, probes } = registryOf({ servers: [CONFIG.servers[0]!] });
  await answer(PASSED);
  t.match(registry.change('10.0.0.1:80', { state: 'maintenance' }), { ok: true, server: { admin: 'maintenance' } });
  clock.advance(10_000);
  t.equal(probes.length, 0);
  t.notOk(registry.hasAvailable);
  registry.change('10.0.0.1:80', { state: 'maintenance', weight: 7 });
  t.match(registry.change('10.0.0.1:80', { state: 'ready' }), { server: { healthy: false, weight: 7 } });
  t.equal(probes.length, 1, 'at once');
  await answer(PASSED);
  t.ok(registry.hasAvailable);
  registry.change('10.0.0.1:80', { state: 'drain' });
  t.notOk(registry.hasAvailable);
  clock.advance(1000);
  t.equal(probes.length, 1, 'one that drains is checked on');
  registry.stop();
});

t.test('servers come and go', async (t) => {
  const { registry, clock, states } = registryOf({ health: undefined } as unknown as Partial<BackendConfig>);
  t.match(registry.addServer('10.0.0.9:90', 3, false), {
    ok: true,
    server: { id: '10.0.0.9:90', weight: 3, healthy: true },
  });
  t.equal(states.at(-1)!.servers.length, 3);
  t.match(registry.addServer('10.0.0.9:90', 3, false), { ok: false, reason: 'exists' });
  for (const wrong of ['10.0.0.9', '10.0.0.9:0', 'example.org:80']) {
    t.match(registry.addServer(wrong, 1, false), { ok: false, reason: 'invalid' }, wrong);
  }
  t.match(registry.removeServer('[::1]:80'), { ok: true });
  t.match(registry.removeServer('[::1]:80'), { ok: false, reason: 'no-server' });
  t.match(registry.removeServer('10.0.0.1:80'), { ok: true });
  t.match(registry.removeServer('10.0.0.9:90'), { ok: false, reason: 'last' });
  t.match(registry.change('10.0.0.1:80', { weight: 1 }), { ok: false, reason: 'no-server' });
  t.equal(clock.pending, 0);
});

t.test('workers are changed, not added or removed', async (t) => {
  const { registry } = registryOf({ servers: [], workers: { module: 'x', count: 1, heartbeatMs: 30_000 } });
  const id = registry.add('127.0.0.1', 5000);
  t.match(registry.change(id, { weight: 0 }), { ok: true });
  t.match(registry.addServer('127.0.0.1:1', 1, false), { ok: false, reason: 'workers' });
  t.match(registry.removeServer(id), { ok: false, reason: 'workers' });
  registry.stop();
});

const APP = { name: 'app.internal', port: 80, weight: 3, backup: false };
const ids = (state: BackendState): string[] => state.servers.map(({ id }) => id);

t.test('a name is a server for each of its addresses; those that stay are not touched', async (t) => {
  const { registry, states, probes, answer, resolve } = registryOf(
    { servers: [], names: [APP] },
    { 'app.internal': ['10.0.0.1', '2001:db8::1'] },
  );
  t.match(registry.state.servers, [
    { id: '10.0.0.1:80', name: 'app.internal', weight: 3, healthy: false },
    { id: '[2001:db8::1]:80', name: 'app.internal' },
  ]);
  t.equal(probes[0]!.target.name, 'app.internal', 'checks know what it is called');
  await answer(PASSED);
  await answer(PASSED);
  t.match(registry.change('10.0.0.1:80', { weight: 9 }), { ok: true });
  const told = states.length;
  resolve({ 'app.internal': ['10.0.0.1', '10.0.0.2', '10.0.0.3'] });
  t.equal(states.length, told + 2, 'those that come together are told of once, those that go once');
  t.strictSame(ids(registry.state), ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80']);
  t.match(registry.state.servers[0], { healthy: true, weight: 9 });
  resolve({ 'app.internal': ['10.0.0.1', '10.0.0.2', '10.0.0.3'] });
  t.equal(states.length, told + 2, 'and nothing is said of what is as before');
  t.match(registry.removeServer('10.0.0.1:80'), { ok: false, reason: 'named' });
  registry.stop();
});

t.test('an address that left serves until another one can', async (t) => {
  const { registry, answer, resolve } = registryOf(
    { servers: [], names: [APP] },
    { 'app.internal': ['10.0.0.1', '10.0.0.2'] },
  );
  await answer(PASSED);
  await answer({ outcome: 'failed', reason: 'ECONNREFUSED' });
  resolve({ 'app.internal': ['10.0.0.3'] });
  t.strictSame(ids(registry.state), ['10.0.0.1:80', '10.0.0.3:80'], 'one that serves nobody goes at once');
  t.ok(registry.hasAvailable);
  await answer(PASSED);
  t.strictSame(ids(registry.state), ['10.0.0.3:80']);
  registry.stop();
});

t.test('an address of several names, and of the config itself, is one server', async (t) => {
  const { registry, resolve } = registryOf(
    { servers: [CONFIG.servers[0]!], names: [APP, { ...APP, name: 'b.internal', weight: 5 }] },
    { 'app.internal': ['10.0.0.1', '10.0.0.2'], 'b.internal': ['10.0.0.2'] },
  );
  t.match(registry.state.servers, [
    { id: '10.0.0.1:80', weight: 1 },
    { id: '10.0.0.2:80', name: 'app.internal', weight: 3 },
  ]);
  t.notOk('name' in registry.state.servers[0]!);
  resolve({ 'b.internal': ['10.0.0.2'] });
  t.strictSame(ids(registry.state), ['10.0.0.1:80', '10.0.0.2:80'], 'it stays while one name has it');
  registry.stop();
});

t.test('names come and go with the config, and what was introduced in vain goes again', async (t) => {
  const addresses = { 'app.internal': ['10.0.0.1'], 'b.internal': ['10.0.0.7'] };
  const unchecked = { health: undefined } as unknown as Partial<BackendConfig>;
  const { registry, resolve } = registryOf({ ...unchecked, servers: [], names: [APP] }, addresses);
  const next = {
    ...registry.config,
    names: [
      { ...APP, weight: 8 },
      { ...APP, name: 'b.internal' },
    ],
  };
  const introduced = registry.introduce(next);
  t.strictSame(introduced, ['10.0.0.7:80']);
  resolve({ ...addresses, 'b.internal': ['10.0.0.7', '10.0.0.8'] });
  t.strictSame(ids(registry.state), ['10.0.0.1:80', '10.0.0.7:80', '10.0.0.8:80']);
  registry.withdraw(introduced);
  t.strictSame(ids(registry.state), ['10.0.0.1:80']);
  registry.introduce(next);
  registry.configure(next);
  t.match(registry.state.servers, [{ id: '10.0.0.1:80', weight: 8 }, { id: '10.0.0.7:80' }, { id: '10.0.0.8:80' }]);
  registry.configure({ ...next, names: [{ ...APP, weight: 8 }] });
  t.strictSame(ids(registry.state), ['10.0.0.1:80']);
  registry.stop();
});

t.test('another primary starts with what names stood for', async (t) => {
  const { registry } = registryOf({ servers: [], names: [APP] });
  t.strictSame(ids(registry.state), []);
  registry.stop();
  const later = registryOf({ servers: [], names: [APP] }, { 'app.internal': ['10.0.0.4'] });
  later.registry.stop();
  const restored = new ServerRegistry(
    {
      clock: new FakeClock(),
      random: () => 0.5,
      addressesOf: () => ['10.0.0.4'],
      probe: () => new Promise(() => {}),
      onChange: () => {},
      onVerdict: () => {},
    },
    { ...CONFIG, servers: [], names: [APP] },
  );
  const server = { ...later.registry.state.servers[0]!, healthy: true, weight: 1 };
  restored.restore({ name: 'app', servers: [server] }, true);
  restored.start();
  t.match(restored.state.servers, [{ id: '10.0.0.4:80', name: 'app.internal', healthy: true, weight: 1 }]);
  restored.stop();
});
