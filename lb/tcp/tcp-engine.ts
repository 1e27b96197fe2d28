import type { ListenerConfig } from '../../config/config.ts';
import { createPolicy } from '../balance/create-policy.ts';
import { BackendSet } from '../engine/backend-set.ts';
import type { EngineSnapshot } from '../engine/engine.ts';
import type { PlaneEngine, PlaneEngineDeps } from '../engine/plane-engine.ts';
import type { TrafficMetrics } from '../metrics/plane-metrics.ts';
import { StreamCounters } from '../metrics/stream-counters.ts';
import type { TcpHandle } from '../net/tcp-binding.ts';
import { TcpBackend } from './tcp-backend.ts';
import { TcpContext } from './tcp-context.ts';
import { type Target, TcpListener } from './tcp-listener.ts';
import { TcpServer } from './tcp-server.ts';

/** Relays TCP connections as they are, with a look at their first bytes where the config asks for it. */
export class TcpEngine implements PlaneEngine {
  private readonly context: TcpContext;
  private readonly backends: BackendSet<TcpBackend, TcpServer>;
  private readonly listeners = new Map<string, TcpListener>();
  private readonly counts: StreamCounters[] = [];

  constructor(deps: PlaneEngineDeps) {
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
          { leases, onRoom: () => backend.onRoom() },
          { ...state, connections: config.connectionsPerServer, connectTimeoutMs: config.timeouts.connectMs },
        ),
    });
  }

  start(snapshot: EngineSnapshot): void {
    const names = new Set(snapshot.listeners.flatMap(({ routes }) => routes.map(({ backend }) => backend!)));
    for (const config of snapshot.backends) if (names.has(config.name)) this.backends.add(config);
    this.apply(snapshot);
    for (const listener of snapshot.listeners) {
      const targets = this.targetsOf(listener);
      this.listeners.set(listener.name, new TcpListener({ context: this.context, targets }, listener));
    }
  }

  private targetsOf({ name, routes }: ListenerConfig): Target[] {
    const counters = new Map<string, StreamCounters>();
    return routes.map((route) => {
      const { backend, config } = this.backends.get(route.backend!)!;
      const shared = counters.get(backend.name) ?? new StreamCounters(name, backend.name);
      if (!counters.has(backend.name)) this.counts.push(shared);
      counters.set(backend.name, shared);
      return { backend, isHashed: config.balance === 'hash' || config.balance === 'maglev', counters: shared };
    });
  }

  apply({ states }: EngineSnapshot): void {
    this.backends.apply(states, () => {});
  }

  listen(name: string, socket: TcpHandle): number {
    return this.listeners.get(name)!.start(socket);
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
    for (const { backend, servers, leaving } of this.backends.values()) {
      for (const server of servers.values()) server.connectTimeouts.expire(nowMs);
      for (const server of leaving) {
        server.connectTimeouts.expire(nowMs);
        if (server.active === 0) leaving.delete(server);
      }
      backend.tick(nowMs);
    }
  }

  async drain(): Promise<void> {
    await Promise.all(
      [...this.listeners.values()].map((listener) => new Promise<void>((resolve) => listener.drain(resolve))),
    );
  }

  stop(): void {
    for (const listener of this.listeners.values()) listener.destroy();
  }

  counters(): TrafficMetrics {
    const entries = [...this.backends.values()];
    return {
      listeners: [...this.listeners.values()].map((listener) => listener.snapshot()),
      requests: [],
      streams: this.counts.map((counters) => counters.snapshot()),
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
