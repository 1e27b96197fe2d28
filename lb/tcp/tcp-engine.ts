import type { BackendConfig, ListenerConfig } from '../../config/config.ts';
import { createPolicy, keepsPolicy } from '../balance/create-policy.ts';
import { type BackendEntry, BackendSet } from '../engine/backend-set.ts';
import { type EngineSnapshot, isSame } from '../engine/engine.ts';
import type { PlaneEngine, PlaneEngineDeps } from '../engine/plane-engine.ts';
import type { TrafficMetrics } from '../metrics/plane-metrics.ts';
import { StreamCounters } from '../metrics/stream-counters.ts';
import type { TcpHandle } from '../net/tcp-binding.ts';
import type { PlaneTls } from '../tls/plane-tls.ts';
import { TcpBackend } from './tcp-backend.ts';
import { TcpContext } from './tcp-context.ts';
import { type Target, TcpListener } from './tcp-listener.ts';
import { TcpServer } from './tcp-server.ts';

/** Relays TCP connections as they are, with a look at their first bytes where the config asks for it. */
export class TcpEngine implements PlaneEngine {
  private readonly context: TcpContext;
  private readonly tls: PlaneTls;
  private readonly backends: BackendSet<TcpBackend, TcpServer>;
  private readonly listeners = new Map<string, TcpListener>();
  /** Gone from the config, but not empty yet. */
  private readonly retired = new Set<TcpListener>();
  private listenerConfigs: readonly ListenerConfig[] = [];
  /** By listener, then by backend, of all that there ever were. */
  private readonly counts = new Map<string, Map<string, StreamCounters>>();

  constructor(deps: PlaneEngineDeps) {
    this.tls = deps.tls;
    this.context = new TcpContext({ network: deps.network, nowMs: deps.clock.now() });
    this.backends = new BackendSet({
      pools: deps.pools,
      createBackend: (config, { exhaustion }) =>
        new TcpBackend(
          {
            policy: createPolicy<TcpServer>(config.balance, config),
            random: deps.random,
            now: () => this.context.tickMs,
          },
          { ...config, exhaustion },
        ),
      createServer: ({ config, backend, leases }, state) =>
        new TcpServer(
          { leases, network: deps.network, onRoom: () => backend.onRoom() },
          {
            ...state,
            connections: config.connectionsPerServer,
            connectTimeoutMs: config.timeouts.connectMs,
            tls: deps.tls.outgoing(config, state),
          },
        ),
      onConfigured: (entry, before) => this.configureBackend(entry, before),
    });
  }

  private configureBackend(entry: BackendEntry<TcpBackend, TcpServer>, before: BackendConfig): void {
    const { backend, config, leases, servers } = entry;
    const policy = keepsPolicy(before, config) ? undefined : createPolicy<TcpServer>(config.balance, config);
    backend.configure(policy, { ...config, exhaustion: leases.exhaustion });
    const { connectionsPerServer: connections, timeouts } = config;
    for (const server of servers.values()) {
      const tls = this.tls.outgoing(config, server);
      server.configure({ connections, connectTimeoutMs: timeouts.connectMs, tls }, this.context.tickMs);
    }
  }

  start(snapshot: EngineSnapshot): void {
    this.apply(snapshot);
  }

  apply({ listeners, backends, states }: EngineSnapshot): void {
    const names = new Set(listeners.flatMap(({ routes }) => routes.map(({ backend }) => backend!)));
    const hasNewBackends = this.backends.configure(backends.filter(({ name }) => names.has(name)));
    this.backends.apply(states, () => {});
    if (hasNewBackends || !isSame(listeners, this.listenerConfigs)) this.configureListeners(listeners);
  }

  private configureListeners(configs: readonly ListenerConfig[]): void {
    this.listenerConfigs = configs;
    const names = new Set(configs.map(({ name }) => name));
    for (const [name, listener] of this.listeners) {
      if (names.has(name)) continue;
      this.listeners.delete(name);
      this.retired.add(listener);
      listener.drain(() => this.retired.delete(listener));
    }
    for (const config of configs) {
      const targets = this.targetsOf(config);
      const listener = this.listeners.get(config.name);
      if (listener !== undefined) listener.configure(targets, config);
      else this.listeners.set(config.name, new TcpListener({ context: this.context, targets, tls: this.tls }, config));
    }
  }

  private get allListeners(): readonly TcpListener[] {
    return [...this.listeners.values(), ...this.retired];
  }

  private targetsOf({ name, routes }: ListenerConfig): Target[] {
    const counters = this.counts.get(name) ?? new Map<string, StreamCounters>();
    this.counts.set(name, counters);
    return routes.map((route) => {
      const { backend, config } = this.backends.get(route.backend!)!;
      const shared = counters.get(backend.name) ?? new StreamCounters(name, backend.name);
      counters.set(backend.name, shared);
      return { backend, isHashed: config.balance === 'hash' || config.balance === 'maglev', counters: shared };
    });
  }

  listen(name: string, socket: TcpHandle): number {
    return this.listeners.get(name)!.start(socket);
  }

  rest(name: string): void {
    this.listeners.get(name)?.rest();
  }

  onRoom(): void {
    this.backends.onRoom();
  }

  /** What is open stays where it is, also on an address that is to be let go; a lost one that comes back still has its connections. */
  onSources(): void {
    this.onRoom();
  }

  isWaitingFor(pool: string): boolean {
    return this.backends.isWaitingFor(pool);
  }

  tick(nowMs: number): void {
    this.context.tickMs = nowMs;
    for (const listener of this.listeners.values()) listener.tick(nowMs);
    for (const listener of this.retired) listener.tick(nowMs);
    for (const { backend, servers, leaving } of this.backends.values()) {
      for (const server of servers.values()) server.connectTimeouts.expire(nowMs);
      for (const server of leaving) {
        server.connectTimeouts.expire(nowMs);
        if (server.active === 0) leaving.delete(server);
      }
      backend.tick(nowMs);
    }
    this.backends.sweep();
  }

  /** What is open goes on; that nothing new is accepted is all that it can do. */
  onMemory(): void {}

  relieveMemory(): void {}

  /** A relayed protocol has no word for it. */
  announceDrain(): void {}

  async drain(): Promise<void> {
    await Promise.all(this.allListeners.map((listener) => new Promise<void>((resolve) => listener.drain(resolve))));
  }

  stop(): void {
    for (const listener of this.allListeners) listener.destroy();
  }

  counters(): TrafficMetrics {
    const entries = [...this.backends.values()];
    return {
      listeners: this.allListeners.map((listener) => listener.snapshot()),
      requests: [],
      streams: [...this.counts.values()].flatMap((counters) => [...counters.values()].map((each) => each.snapshot())),
      servers: this.backends.upstreams(({ active }) => ({ active, idle: 0 })),
      retries: entries.flatMap(({ backend }) =>
        [...backend.retriesBy].map(([reason, count]) => ({ backend: backend.name, reason, count })),
      ),
      ports: [],
      exhausted: this.backends.exhausted(),
      drift: [],
      queueDepth: entries.map(({ config, backend }) => ({ pool: config.source, depth: backend.waitingCount })),
    };
  }
}
