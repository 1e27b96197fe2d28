import { createPolicy } from '../balance/create-policy.ts';
import type { ServerState, SourceUpdate } from '../control/messages.ts';
import { type BackendEntry, BackendSet } from '../engine/backend-set.ts';
import type { EngineSnapshot } from '../engine/engine.ts';
import type { PlaneEngine, PlaneEngineDeps } from '../engine/plane-engine.ts';
import type { TrafficMetrics } from '../metrics/plane-metrics.ts';
import type { TcpHandle } from '../net/tcp-binding.ts';
import { Backend } from './backend.ts';
import { HttpContext } from './http-context.ts';
import { HttpListener } from './http-listener.ts';
import { Server } from './server.ts';
import { statusSet } from './status-set.ts';

/** HTTP/1.1 and WebSockets. */
export class HttpEngine implements PlaneEngine {
  private readonly deps: PlaneEngineDeps;
  private readonly context: HttpContext;
  private readonly backends: BackendSet<Backend, Server>;
  private readonly listeners = new Map<string, HttpListener>();

  constructor(deps: PlaneEngineDeps) {
    this.deps = deps;
    this.context = new HttpContext(deps);
    this.backends = new BackendSet({
      pools: deps.pools,
      createBackend: (config, { exhaustion }) =>
        new Backend(
          {
            policy: createPolicy<Server>(config.balance, config),
            random: deps.random,
            now: () => this.context.tickMs,
          },
          { ...config, exhaustion },
        ),
      createServer: (entry, state) => this.createServer(entry, state),
      onLeaving: (server) => server.stop(),
    });
  }

  start(snapshot: EngineSnapshot): void {
    for (const config of snapshot.backends) this.backends.add(config);
    this.apply(snapshot);
    const byName = new Map([...this.backends.values()].map(({ config, backend }) => [config.name, backend]));
    const configs = new Map(snapshot.backends.map((config) => [config.name, config]));
    for (const listener of snapshot.listeners) {
      this.listeners.set(
        listener.name,
        new HttpListener(
          { context: this.context, backends: byName, backendConfigs: configs, logs: this.deps.logs },
          listener,
        ),
      );
    }
  }

  apply({ states }: EngineSnapshot): void {
    this.backends.apply(states, ({ servers }, state) => {
      for (const { id, admin } of state.servers) servers.get(id)!.setQuiet(admin !== 'ready');
    });
  }

  private createServer({ config, backend, leases }: BackendEntry<Backend, Server>, state: ServerState): Server {
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
        proxyProtocol: config.proxyProtocol,
        isMeasured: config.balance === 'peak-ewma',
        failing: statusSet(config.outlier?.statuses ?? []),
      },
    );
  }

  listen(name: string, socket: TcpHandle): number {
    return this.listeners.get(name)!.start(socket);
  }

  onRoom(): void {
    this.backends.onRoom();
  }

  onSources(updates: readonly SourceUpdate[]): void {
    for (const { pool, address, state } of updates) {
      if (state === 'ready') continue;
      // Nothing leaves from an address that is lost, not even a FIN.
      const end = state === 'leaving' ? 'closed' : 'reset';
      for (const { entry, server } of this.backends.servers()) {
        if (entry.config.source === pool) server.retireSource(address, end);
      }
    }
    this.onRoom();
  }

  isWaitingFor(pool: string): boolean {
    return this.backends.isWaitingFor(pool);
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
    for (const { server } of this.backends.servers()) server.destroy();
  }

  counters(): TrafficMetrics {
    const entries = [...this.backends.values()];
    const listeners = [...this.listeners.values()];
    return {
      listeners: listeners.map((listener) => listener.snapshot()),
      requests: listeners.flatMap(({ requestCounters }) => requestCounters.map((counters) => counters.snapshot())),
      streams: [],
      servers: this.backends.upstreams(({ connectionCount, idleCount }) => ({
        active: connectionCount - idleCount,
        idle: idleCount,
      })),
      retries: entries.flatMap(({ backend: { name, retriesBy } }) =>
        [...retriesBy].map(([reason, count]) => ({ backend: name, reason, count })),
      ),
      queues: entries.map(({ backend: { name, queueDepth, queued, retriesRefused } }) => ({
        backend: name,
        depth: queueDepth,
        ...queued,
        retriesRefused,
      })),
      ports: [],
      exhausted: this.backends.exhausted(),
      drift: [],
      queueDepth: [
        ...entries.map(({ config, backend }) => ({ pool: config.source, depth: backend.waitingCount })),
        ...[...this.backends.servers()].map(({ entry, server }) => ({
          pool: entry.config.source,
          depth: server.waitingCount,
        })),
      ],
    };
  }
}
