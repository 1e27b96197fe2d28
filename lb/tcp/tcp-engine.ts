import type { BackendConfig, ListenerConfig } from '../../config/config.ts';
import { createPolicy } from '../balance/create-policy.ts';
import type { BackendState, ServerState } from '../control/messages.ts';
import type { EngineSnapshot } from '../engine/engine.ts';
import type { PlaneEngine, PlaneEngineDeps } from '../engine/plane-engine.ts';
import type { Exhausted } from '../metrics/exhausted.ts';
import type { TrafficMetrics } from '../metrics/plane-metrics.ts';
import { StreamCounters } from '../metrics/stream-counters.ts';
import type { TcpHandle } from '../net/tcp-binding.ts';
import type { LeasePool } from '../source/lease-pool.ts';
import { TcpBackend } from './tcp-backend.ts';
import { TcpContext } from './tcp-context.ts';
import { type Target, TcpListener } from './tcp-listener.ts';
import { TcpServer } from './tcp-server.ts';

/** A backend with all servers it has had, those that are gone from the config until their connections are. */
interface BackendEntry {
  readonly config: BackendConfig;
  readonly backend: TcpBackend;
  readonly leases: LeasePool;
  readonly servers: Map<string, TcpServer>;
  readonly leaving: Set<TcpServer>;
  /** What its servers were made by. */
  state: BackendState | undefined;
}

/** Relays TCP connections as they are, with a look at their first bytes where the config asks for it. */
export class TcpEngine implements PlaneEngine {
  private readonly deps: PlaneEngineDeps;
  private readonly context: TcpContext;
  private readonly backends = new Map<string, BackendEntry>();
  private readonly listeners = new Map<string, TcpListener>();
  private readonly counts: StreamCounters[] = [];

  constructor(deps: PlaneEngineDeps) {
    this.deps = deps;
    this.context = new TcpContext({ network: deps.network, nowMs: deps.clock.now() });
  }

  start(snapshot: EngineSnapshot): void {
    const names = new Set(snapshot.listeners.flatMap(({ routes }) => routes.map(({ backend }) => backend!)));
    for (const config of snapshot.backends) if (names.has(config.name)) this.addBackend(config);
    this.apply(snapshot);
    for (const listener of snapshot.listeners) {
      const targets = this.targetsOf(listener);
      this.listeners.set(listener.name, new TcpListener({ context: this.context, targets }, listener));
    }
  }

  private addBackend(config: BackendConfig): void {
    const { random, pools } = this.deps;
    const leases = pools.get(config.source)!;
    this.backends.set(config.name, {
      config,
      backend: new TcpBackend(
        { policy: createPolicy<TcpServer>(config.balance, config), random, now: () => this.context.tickMs },
        { ...config, exhaustion: leases.exhaustion },
      ),
      leases,
      servers: new Map(),
      leaving: new Set(),
      state: undefined,
    });
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
    for (const state of states) {
      const entry = this.backends.get(state.name);
      if (entry === undefined || entry.state === state) continue;
      entry.state = state;
      this.update(entry, state);
    }
  }

  private update(entry: BackendEntry, state: BackendState): void {
    const known = new Set(state.servers.map((server) => server.id));
    for (const [id, server] of entry.servers) {
      if (known.has(id)) continue;
      entry.servers.delete(id);
      entry.leaving.add(server);
    }
    for (const server of state.servers) {
      if (!entry.servers.has(server.id)) entry.servers.set(server.id, this.createServer(entry, server));
    }
    entry.backend.update(state.servers.map((server) => ({ member: entry.servers.get(server.id)!, state: server })));
  }

  private createServer({ config, backend, leases }: BackendEntry, state: ServerState): TcpServer {
    return new TcpServer(
      { leases, onRoom: () => backend.onRoom() },
      { ...state, connections: config.connectionsPerServer, connectTimeoutMs: config.timeouts.connectMs },
    );
  }

  listen(name: string, socket: TcpHandle): number {
    return this.listeners.get(name)!.start(socket);
  }

  onRoom(): void {
    for (const { backend } of this.backends.values()) backend.onRoom();
  }

  /** What is open stays where it is, also on an address that is to be let go; a lost one that comes back still has its connections. */
  onSources(): void {
    this.onRoom();
  }

  isWaitingFor(pool: string): boolean {
    return [...this.backends.values()].some(
      ({ config, backend }) => config.source === pool && backend.waitingCount > 0,
    );
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
      servers: entries.flatMap(({ backend, servers, leaving }) =>
        [...servers.values(), ...leaving].map(({ id, active, connectsTotal, connectFailuresTotal, track }) => ({
          backend: backend.name,
          server: id,
          active,
          idle: 0,
          connectsTotal,
          connectFailuresTotal,
          ejected: track?.isEjected === true ? 1 : 0,
          ejectionsTotal: track?.ejectionsTotal ?? 0,
        })),
      ),
      retries: entries.flatMap(({ backend }) =>
        [...backend.retriesBy].map(([reason, count]) => ({ backend: backend.name, reason, count })),
      ),
      ports: [],
      exhausted: entries.flatMap(({ config, backend }) => outcomes(config.source, backend.exhausted)),
      drift: [],
      queueDepth: entries.map(({ config, backend }) => ({ pool: config.source, depth: backend.waitingCount })),
    };
  }
}

function outcomes(
  pool: string,
  { otherServer, queued, queueTimeout, refused }: Exhausted,
): TrafficMetrics['exhausted'][number][] {
  return [
    { pool, outcome: 'other-server', count: otherServer },
    { pool, outcome: 'queued', count: queued },
    { pool, outcome: 'queue-timeout', count: queueTimeout },
    { pool, outcome: 'refused', count: refused },
  ];
}
