import type { BackendConfig, ListenerConfig } from '../../config/config.ts';
import { createPolicy, keepsPolicy } from '../balance/create-policy.ts';
import type { SourceUpdate } from '../control/messages.ts';
import { type BackendEntry, BackendSet } from '../engine/backend-set.ts';
import { type EngineSnapshot, isSame } from '../engine/engine.ts';
import type { PlaneEngine, PlaneEngineDeps } from '../engine/plane-engine.ts';
import type { OutcomeCount, TrafficMetrics } from '../metrics/plane-metrics.ts';
import type { TcpHandle } from '../net/tcp-binding.ts';
import type { MemoryLevel } from '../pressure/memory-level.ts';
import type { PlaneTls } from '../tls/plane-tls.ts';
import { Backend } from './backend.ts';
import { HttpContext } from './http-context.ts';
import { HttpListener } from './http-listener.ts';
import { Server } from './server.ts';
import type { ServerOptions } from './server-options.ts';
import { statusSet } from './status-set.ts';

/** Of a listener: what is kept for so many is some 4 MiB, and others may read on until the next ones go. */
const SHED_AT_ONCE = 64;

/** HTTP/1.1 and WebSockets. */
export class HttpEngine implements PlaneEngine {
  private readonly deps: PlaneEngineDeps;
  private readonly context: HttpContext;
  private readonly backends: BackendSet<Backend, Server>;
  private readonly listeners = new Map<string, HttpListener>();
  /** Gone from the config, but not empty yet. */
  private readonly retired = new Map<HttpListener, { readonly cutAtMs: number }>();
  private listenerConfigs: readonly ListenerConfig[] = [];

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
      createServer: (entry, state) =>
        new Server(
          { context: this.context, leases: entry.leases, events: entry.backend },
          serverOptions(entry, state, deps.tls),
        ),
      onConfigured: (entry, before) => configure(entry, before, deps.tls),
      onRetired: (server) => server.setQuiet(true),
      onLeaving: (server) => server.stop(),
    });
  }

  start(snapshot: EngineSnapshot): void {
    this.apply(snapshot);
  }

  apply({ listeners, backends, states }: EngineSnapshot): void {
    const hasNewBackends = this.backends.configure(backends);
    this.backends.apply(states, ({ servers }, state) => {
      for (const { id, admin } of state.servers) servers.get(id)!.setQuiet(admin !== 'ready');
    });
    if (hasNewBackends || !isSame(listeners, this.listenerConfigs)) this.configureListeners(listeners, backends);
  }

  private configureListeners(configs: readonly ListenerConfig[], backends: readonly BackendConfig[]): void {
    this.listenerConfigs = configs;
    const deps = {
      backends: new Map(backends.map(({ name }) => [name, this.backends.get(name)!.backend])),
      backendConfigs: new Map(backends.map((config) => [config.name, config])),
      logs: this.deps.logs,
      tls: this.deps.tls,
    };
    const names = new Set(configs.map(({ name }) => name));
    for (const [name, listener] of this.listeners) {
      if (names.has(name)) continue;
      this.listeners.delete(name);
      const timeoutMs = this.deps.drainTimeoutMs();
      this.retired.set(listener, { cutAtMs: this.context.tickMs + timeoutMs });
      listener.drain(timeoutMs, () => this.retired.delete(listener));
    }
    for (const config of configs) {
      const listener = this.listeners.get(config.name);
      if (listener !== undefined) listener.configure(deps, config);
      else this.listeners.set(config.name, new HttpListener({ ...deps, context: this.context }, config));
    }
  }

  private get allListeners(): readonly HttpListener[] {
    return [...this.listeners.values(), ...this.retired.keys()];
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
    for (const [listener, { cutAtMs }] of this.retired) {
      listener.tick(nowMs);
      if (nowMs >= cutAtMs) listener.destroy();
    }
    for (const { backend, servers, leaving } of this.backends.values()) {
      backend.tick(nowMs);
      for (const server of servers.values()) server.tick(nowMs);
      for (const server of leaving) {
        server.tick(nowMs);
        if (server.connectionCount === 0) leaving.delete(server);
      }
    }
    this.backends.sweep();
  }

  onMemory(level: MemoryLevel): void {
    this.context.memory = level;
    if (level !== 'normal') for (const listener of this.allListeners) listener.dismissIdle();
  }

  relieveMemory(): void {
    for (const listener of this.allListeners) listener.shedSlow(SHED_AT_ONCE);
  }

  announceDrain(isAhead: boolean): void {
    this.context.isDrainAhead = isAhead;
  }

  async drain(deadlineMs: number): Promise<void> {
    await Promise.all(
      this.allListeners.map((listener) => new Promise<void>((resolve) => listener.drain(deadlineMs, resolve))),
    );
  }

  stop(): void {
    for (const listener of this.allListeners) listener.destroy();
    for (const { server } of this.backends.servers()) server.destroy();
  }

  counters(): TrafficMetrics {
    const entries = [...this.backends.values()];
    const listeners = this.allListeners;
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
      hedges: entries.flatMap(({ config, backend }) =>
        config.hedge === undefined ? [] : outcomes(backend.name, { ...backend.hedging.counts }),
      ),
      mirrored: entries.flatMap(({ backend: { name, mirrored } }) =>
        mirrored.sent + mirrored.dropped === 0 ? [] : outcomes(name, { ...mirrored }),
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

function outcomes(backend: string, counts: Readonly<Record<string, number>>): OutcomeCount[] {
  return Object.entries(counts).map(([outcome, count]) => ({ backend, outcome, count }));
}

function serverOptions(
  { config, leases }: BackendEntry<Backend, Server>,
  server: Pick<ServerOptions, 'id' | 'host' | 'port' | 'weight'>,
  tls: PlaneTls,
): ServerOptions {
  return {
    id: server.id,
    host: server.host,
    port: server.port,
    weight: server.weight,
    pipelining: config.pipelining,
    connections: config.connectionsPerServer,
    stalled: config.stalledPerServer,
    queue: { most: leases.exhaustion.queue, timeoutMs: leases.exhaustion.timeoutMs, shed: config.queue.shed },
    connectTimeoutMs: config.timeouts.connectMs,
    responseTimeoutMs: config.timeouts.responseMs,
    idleTimeoutMs: config.timeouts.idleMs,
    requests: config.adaptsRequests ? undefined : config.requestsPerServer || Number.POSITIVE_INFINITY,
    proxyProtocol: config.proxyProtocol,
    tls: tls.outgoing(config, server),
    isMeasured: config.balance === 'peak-ewma',
    failing: statusSet(config.outlier?.statuses ?? []),
  };
}

function configure(entry: BackendEntry<Backend, Server>, before: BackendConfig, tls: PlaneTls): void {
  const { backend, config, leases, servers } = entry;
  const policy = keepsPolicy(before, config) ? undefined : createPolicy<Server>(config.balance, config);
  backend.configure(policy, { ...config, exhaustion: leases.exhaustion });
  for (const server of servers.values()) server.configure(serverOptions(entry, server, tls));
}
