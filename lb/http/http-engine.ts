import type { BackendConfig } from '../../config/config.ts';
import { createPolicy } from '../balance/create-policy.ts';
import type { BackendState, ServerState, SourceUpdate } from '../control/messages.ts';
import type { EngineSnapshot } from '../engine/engine.ts';
import type { PlaneEngine, PlaneEngineDeps } from '../engine/plane-engine.ts';
import type { Exhausted } from '../metrics/exhausted.ts';
import type { QueueMetrics, TrafficMetrics, UpstreamMetrics } from '../metrics/plane-metrics.ts';
import type { TcpHandle } from '../net/tcp-binding.ts';
import type { LeasePool } from '../source/lease-pool.ts';
import { Backend } from './backend.ts';
import { HttpContext } from './http-context.ts';
import { HttpListener } from './http-listener.ts';
import { Server } from './server.ts';
import { statusSet } from './status-set.ts';

/** A backend with all servers it has had, the stopped ones until their connections are gone. */
interface BackendEntry {
  readonly config: BackendConfig;
  readonly backend: Backend;
  readonly leases: LeasePool;
  readonly servers: Map<string, Server>;
  readonly leaving: Set<Server>;
  /** What its servers were made by. */
  state: BackendState | undefined;
}

/** HTTP/1.1 and WebSockets. */
export class HttpEngine implements PlaneEngine {
  private readonly deps: PlaneEngineDeps;
  private readonly context: HttpContext;
  private readonly backends = new Map<string, BackendEntry>();
  private readonly listeners = new Map<string, HttpListener>();

  constructor(deps: PlaneEngineDeps) {
    this.deps = deps;
    this.context = new HttpContext(deps);
  }

  start(snapshot: EngineSnapshot): void {
    const { random, pools, logs } = this.deps;
    for (const backend of snapshot.backends) {
      const leases = pools.get(backend.source)!;
      this.backends.set(backend.name, {
        config: backend,
        backend: new Backend(
          { policy: createPolicy<Server>(backend.balance, backend), random, now: () => this.context.tickMs },
          { ...backend, exhaustion: leases.exhaustion },
        ),
        leases,
        servers: new Map(),
        leaving: new Set(),
        state: undefined,
      });
    }
    this.apply(snapshot);
    const byName = new Map([...this.backends].map(([name, entry]) => [name, entry.backend]));
    const configs = new Map(snapshot.backends.map((backend) => [backend.name, backend]));
    for (const listener of snapshot.listeners) {
      this.listeners.set(
        listener.name,
        new HttpListener({ context: this.context, backends: byName, backendConfigs: configs, logs }, listener),
      );
    }
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
      server.stop();
    }
    for (const server of state.servers) {
      if (!entry.servers.has(server.id)) entry.servers.set(server.id, this.createServer(entry, server));
    }
    entry.backend.update(state.servers.map((server) => ({ member: entry.servers.get(server.id)!, state: server })));
    for (const { id, admin } of state.servers) entry.servers.get(id)!.setQuiet(admin !== 'ready');
  }

  private createServer(entry: BackendEntry, state: ServerState): Server {
    const { config, backend, leases } = entry;
    return new Server(
      { context: this.context, leases, events: backend },
      {
        id: state.id,
        host: state.host,
        port: state.port,
        weight: state.weight,
        pipelining: config.pipelining,
        connections: config.connectionsPerServer,
        queue: leases.exhaustion.queue,
        queueTimeoutMs: leases.exhaustion.timeoutMs,
        connectTimeoutMs: config.timeouts.connectMs,
        responseTimeoutMs: config.timeouts.responseMs,
        idleTimeoutMs: config.timeouts.idleMs,
        requests: config.requestsPerServer === 0 ? Number.POSITIVE_INFINITY : config.requestsPerServer,
        isMeasured: config.balance === 'peak-ewma',
        failing: statusSet(config.outlier?.statuses ?? []),
      },
    );
  }

  listen(name: string, socket: TcpHandle): number {
    return this.listeners.get(name)!.start(socket);
  }

  onRoom(): void {
    for (const { backend } of this.backends.values()) backend.onRoom();
  }

  onSources(updates: readonly SourceUpdate[]): void {
    for (const { config, backend, servers, leaving } of this.backends.values()) {
      for (const { pool, address, state } of updates) {
        if (state === 'ready' || pool !== config.source) continue;
        // Nothing leaves from an address that is lost, not even a FIN.
        const end = state === 'leaving' ? 'closed' : 'reset';
        for (const server of [...servers.values(), ...leaving]) server.retireSource(address, end);
      }
      backend.onRoom();
    }
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
      backend.tick(nowMs);
      for (const server of servers.values()) server.tick(nowMs);
      for (const server of leaving) {
        server.tick(nowMs);
        if (server.connectionCount === 0) leaving.delete(server);
      }
    }
  }

  async drain(): Promise<void> {
    await Promise.all(
      [...this.listeners.values()].map((listener) => new Promise<void>((resolve) => listener.drain(resolve))),
    );
  }

  stop(): void {
    for (const listener of this.listeners.values()) listener.destroy();
    for (const { servers, leaving } of this.backends.values()) {
      for (const server of [...servers.values(), ...leaving]) server.destroy();
    }
  }

  counters(): TrafficMetrics {
    const servers: UpstreamMetrics[] = [];
    const retries: { backend: string; reason: string; count: number }[] = [];
    const queues: QueueMetrics[] = [];
    const exhausted = new Map<string, Exhausted>();
    const waiting = new Map<string, number>();
    for (const { config, backend, servers: current, leaving } of this.backends.values()) {
      for (const server of [...current.values(), ...leaving]) {
        const idle = server.idleCount;
        servers.push({
          backend: backend.name,
          server: server.id,
          active: server.connectionCount - idle,
          idle,
          connectsTotal: server.connectsTotal,
          connectFailuresTotal: server.connectFailuresTotal,
          ejected: server.track?.isEjected === true ? 1 : 0,
          ejectionsTotal: server.track?.ejectionsTotal ?? 0,
        });
        waiting.set(config.source, (waiting.get(config.source) ?? 0) + server.waitingCount);
      }
      for (const [reason, count] of backend.retriesBy) retries.push({ backend: backend.name, reason, count });
      queues.push({
        backend: backend.name,
        depth: backend.queueDepth,
        ...backend.queued,
        retriesRefused: backend.retriesRefused,
      });
      const sum = exhausted.get(config.source) ?? { otherServer: 0, queued: 0, queueTimeout: 0, refused: 0 };
      sum.otherServer += backend.exhausted.otherServer;
      sum.queued += backend.exhausted.queued;
      sum.queueTimeout += backend.exhausted.queueTimeout;
      sum.refused += backend.exhausted.refused;
      exhausted.set(config.source, sum);
      waiting.set(config.source, (waiting.get(config.source) ?? 0) + backend.waitingCount);
    }
    return {
      listeners: [...this.listeners.values()].map((listener) => listener.snapshot()),
      requests: [...this.listeners.values()].flatMap((listener) =>
        listener.requestCounters.map((counters) => counters.snapshot()),
      ),
      streams: [],
      servers,
      retries,
      queues,
      ports: [],
      exhausted: [...exhausted].flatMap(([pool, { otherServer, queued, queueTimeout, refused }]) => [
        { pool, outcome: 'other-server', count: otherServer },
        { pool, outcome: 'queued', count: queued },
        { pool, outcome: 'queue-timeout', count: queueTimeout },
        { pool, outcome: 'refused', count: refused },
      ]),
      drift: [],
      queueDepth: [...waiting].map(([pool, depth]) => ({ pool, depth })),
    };
  }
}
