import t from 'tap';
import { loadConfig } from '../../config/load.ts';
import type { BackendState } from '../../lb/control/messages.ts';
import type { Engine, EngineSnapshot } from '../../lb/engine/engine.ts';
import { sumTraffic } from '../../lb/metrics/sum-plane-metrics.ts';
import { EngineGroup } from '../../src/engine-group.ts';
import { FakeClock } from '../fixtures/fake-clock.ts';

const loaded = loadConfig(
  `
listeners: [{ name: web, bind: ":8080", backend: app }, { name: raw, bind: ":1883", backend: app }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:9001" }] }]
`,
  { file: 'test', directory: '/', cpuCount: 1 },
);
if (!loaded.ok) throw new Error(loaded.faults[0]!.message);
const [web, raw] = loaded.config.listeners;
const config = { ...loaded.config, listeners: [web!, { ...raw!, engine: 'kernel' as const }] };

class SteeringEngine implements Engine {
  readonly calls: string[] = [];
  readonly snapshots: EngineSnapshot[] = [];
  started = (): void => {};
  drained = (): void => {};

  start(snapshot: EngineSnapshot): Promise<void> {
    this.calls.push('start');
    this.snapshots.push(snapshot);
    return new Promise((resolve) => (this.started = resolve));
  }

  apply(snapshot: EngineSnapshot): void {
    this.calls.push('apply');
    this.snapshots.push(snapshot);
  }

  drain(): Promise<void> {
    this.calls.push('drain');
    return new Promise((resolve) => (this.drained = resolve));
  }

  stop(): void {
    this.calls.push('stop');
  }

  counters() {
    return { ...sumTraffic([]), drift: [{ kind: 'lost', count: 3 }] };
  }
}

const state = (healthy: boolean): BackendState => ({
  name: 'app',
  servers: [{ id: 's', host: '127.0.0.1', port: 9001, weight: 1, healthy, admin: 'ready', backup: false }],
});

function setUp(): { engine: SteeringEngine; group: EngineGroup; clock: FakeClock } {
  const engine = new SteeringEngine();
  const clock = new FakeClock();
  const create = (name: string): Engine => {
    t.equal(name, 'kernel', 'what runs in planes is none of its business');
    return engine;
  };
  return { engine, clock, group: new EngineGroup({ clock, create }, config) };
}

t.test('an engine gets its listeners, and what changes while it starts', async (t) => {
  const { engine, group } = setUp();
  const first = state(false);
  const starting = group.start([first]);
  t.same(
    engine.snapshots[0]!.listeners.map(({ name }) => name),
    ['raw'],
  );
  t.equal(engine.snapshots[0]!.states[0], first);
  const second = state(true);
  group.apply(second);
  t.same(engine.calls, ['start']);
  engine.started();
  await starting;
  t.same(engine.calls, ['start', 'apply']);
  t.equal(engine.snapshots[1]!.states[0], second);
  const third = state(false);
  group.apply(third);
  t.equal(engine.snapshots[2]!.states[0], third);
  t.same(group.counters()?.drift, [{ kind: 'lost', count: 3 }]);
});

t.test('a drain ends with the last connection, or with its deadline, and stops the engine', async (t) => {
  for (const isInTime of [true, false]) {
    const { engine, group, clock } = setUp();
    const draining = group.drain(1000);
    t.same(engine.calls, ['drain']);
    if (isInTime) engine.drained();
    else clock.advance(1000);
    await draining;
    t.same(engine.calls, ['drain', 'stop']);
    group.apply(state(true));
    t.same(engine.calls, ['drain', 'stop'], 'nothing after the end');
  }
});

t.test('without such a listener there is nothing to count', async (t) => {
  const create = (): Engine => {
    throw new Error('not to be called');
  };
  const group = new EngineGroup({ clock: new FakeClock(), create }, { ...config, listeners: [web!] });
  await group.start([]);
  t.equal(group.counters(), undefined);
  await group.drain(0);
});
