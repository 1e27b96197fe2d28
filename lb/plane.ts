import type { BackendConfig } from '../config/config.ts';
import { createPolicy } from './balance/create-policy.ts';
import type { Clock, Timer } from './clock.ts';
import type { BackendState, PlaneCommand, PlaneEvent, ServerState, SourceUpdate } from './control/messages.ts';
import { Backend, type Exhausted } from './http/backend.ts';
import { HttpContext } from './http/http-context.ts';
import { HttpListener } from './http/http-listener.ts';
import { Server } from './http/server.ts';
import type { PlaneMetrics, UpstreamMetrics } from './metrics/plane-metrics.ts';
import type { TcpHandle } from './net/tcp-binding.ts';
import type { TcpNetwork } from './net/tcp-stream.ts';
import type { LeasePool } from './source/lease-pool.ts';
import { PortOwner } from './source/port-owner.ts';

/** Granularity of all timeouts of the data plane. */
const TICK_MS = 20;

export interface PlaneDeps {
  readonly network: TcpNetwork;
  readonly clock: Clock;
  readonly random: () => number;
  /** To the primary. */
  readonly send: (event: PlaneEvent) => void;
  /** How long the kernel keeps a port after a connection that this side closed first; `isLoopback`: from loopback addresses only. */
  readonly quarantineMs: (isLoopback: boolean) => number;
  readonly usage: () => {
    readonly residentBytes: number;
    readonly cpuSeconds: number;
    readonly eventLoopLagSeconds: number;
  };
}

/** A backend with all servers it has had, the stopped ones until their connections are gone. */
interface BackendEntry {
  readonly config: BackendConfig;
  readonly backend: Backend;
  readonly leases: LeasePool;
  readonly servers: Map<string, Server>;
  readonly leaving: Set<Server>;
}

/** One data plane: everything between the sockets and the primary's messages, without being a process itself. */
export class Plane {
  private readonly deps: PlaneDeps;
  private readonly context: HttpContext;
  private sources: PortOwner | undefined = undefined;
  private readonly backends = new Map<string, BackendEntry>();
  private readonly listeners = new Map<string, HttpListener>();
  private accepting = 0;
  private ticking: Timer | undefined = undefined;
  private isDraining = false;

  constructor(deps: PlaneDeps) {
    this.deps = deps;
    this.context = new HttpContext(deps);
  }

  /** `onDrained` runs when a drain has ended, by itself or by its deadline. */
  handle(command: PlaneCommand, socket: TcpHandle | undefined, onDrained: () => void): void {
    switch (command.type) {
      case 'start':
        this.start(command);
        return;
      case 'listen':
        this.listen(command.listener, socket);
        return;
      case 'grant':
        this.sources?.grant(command.blocks);
        for (const { backend } of this.backends.values()) backend.onRoom();
        return;
      case 'sources':
        this.updateSources(command.sources);
        return;
      case 'avoid':
        this.sources?.avoid(command.pool, command.address, command.ports);
        return;
      case 'audit-begin':
        this.sources?.beginAudit(command.pool);
        return;
      case 'audit':
        this.sources?.audit(command.pool, command.chunk);
        return;
      case 'audit-end':
        this.sources?.endAudit(command.pool, command.isWhole);
        return;
      case 'wanted':
        this.sources?.setWanted(command.pool, command.isWanted);
        return;
      case 'port-use':
        this.deps.send({ type: 'port-use', id: command.id, use: this.sources?.portUse(command) ?? [] });
        return;
      case 'backend':
        this.update(command.backend);
        return;
      case 'report':
        this.deps.send({ type: 'report', id: command.id, metrics: this.snapshot() });
        return;
      case 'drain':
        this.drain(command.deadlineMs, onDrained);
        return;
      default:
        command satisfies never;
    }
  }

  private start({ config, backends, blocks, sources }: Extract<PlaneCommand, { type: 'start' }>): void {
    const { clock, random, send } = this.deps;
    this.sources = new PortOwner(this.deps, { pools: config.sources });
    this.sources.update(sources);
    this.sources.grant(blocks);
    for (const backend of config.backends) {
      const leases = this.sources.pools.get(backend.source)!;
      this.backends.set(backend.name, {
        config: backend,
        backend: new Backend(
          { policy: createPolicy<Server>(backend.balance), random, now: () => this.context.tickMs },
          { ...backend, exhaustion: leases.exhaustion },
        ),
        leases,
        servers: new Map(),
        leaving: new Set(),
      });
    }
    for (const state of backends) this.update(state);
    const byName = new Map([...this.backends].map(([name, entry]) => [name, entry.backend]));
    const configs = new Map(config.backends.map((backend) => [backend.name, backend]));
    for (const listener of config.listeners) {
      this.listeners.set(
        listener.name,
        new HttpListener({ context: this.context, backends: byName, backendConfigs: configs }, listener),
      );
    }
    this.ticking = clock.every(TICK_MS, () => this.tick());
    if (this.listeners.size === 0) send({ type: 'ready' });
  }

  private listen(name: string, socket: TcpHandle | undefined): void {
    const listener = this.listeners.get(name);
    const status = listener !== undefined && socket !== undefined ? listener.start(socket) : -1;
    if (status !== 0) {
      this.deps.send({
        type: 'failed',
        code: 'LISTEN',
        message: `listener "${name}" cannot accept (errno ${-status})`,
      });
      return;
    }
    if (++this.accepting === this.listeners.size) this.deps.send({ type: 'ready' });
  }

  private updateSources(updates: readonly SourceUpdate[]): void {
    this.sources?.update(updates);
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

  private update(state: BackendState): void {
    const entry = this.backends.get(state.name);
    if (entry === undefined) return;
    const known = new Set(state.servers.map((server) => server.id));
    for (const [id, server] of entry.servers) {
      if (known.has(id)) continue;
      entry.servers.delete(id);
      entry.leaving.add(server);
      server.stop();
    }
    for (const server of state.servers) {
      const existing = entry.servers.get(server.id);
      if (existing === undefined) entry.servers.set(server.id, this.createServer(entry, server));
      else existing.weight = server.weight;
    }
    const isAvailable = ({ healthy, admin, weight }: ServerState): boolean =>
      healthy && admin === 'ready' && weight > 0;
    entry.backend.setAvailable(state.servers.filter(isAvailable).map(({ id }) => entry.servers.get(id)!));
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
      },
    );
  }

  private tick(): void {
    const now = this.deps.clock.now();
    this.context.tickMs = now;
    for (const listener of this.listeners.values()) listener.tick(now);
    for (const { backend, servers, leaving } of this.backends.values()) {
      backend.tick(now);
      for (const server of servers.values()) server.tick(now);
      for (const server of leaving) {
        server.tick(now);
        if (server.connectionCount === 0) leaving.delete(server);
      }
    }
    this.sources?.tick(now, this.isWaitedFor);
  }

  private readonly isWaitedFor = (pool: string): boolean =>
    [...this.backends.values()].some(({ config, backend }) => config.source === pool && backend.waitingCount > 0);

  private drain(deadlineMs: number, onDrained: () => void): void {
    if (this.isDraining) return;
    this.isDraining = true;
    let open = this.listeners.size;
    let isOver = false;
    const finish = (): void => {
      if (isOver) return;
      isOver = true;
      this.stop();
      onDrained();
    };
    this.deps.clock.after(deadlineMs, finish);
    if (open === 0) finish();
    for (const listener of this.listeners.values()) {
      listener.drain(() => {
        if (--open === 0) finish();
      });
    }
  }

  /** Ends everything at once. Idempotent. */
  stop(): void {
    this.deps.clock.clear(this.ticking);
    this.ticking = undefined;
    for (const listener of this.listeners.values()) listener.destroy();
    for (const { servers, leaving } of this.backends.values()) {
      for (const server of [...servers.values(), ...leaving]) server.destroy();
    }
  }

  snapshot(): PlaneMetrics {
    const servers: UpstreamMetrics[] = [];
    const retries: { backend: string; reason: string; count: number }[] = [];
    const exhausted = new Map<string, Exhausted>();
    const waiting = new Map([...(this.sources?.pools.keys() ?? [])].map((name) => [name, 0]));
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
        });
        waiting.set(config.source, (waiting.get(config.source) ?? 0) + server.waitingCount);
      }
      for (const [reason, count] of backend.retriesBy) retries.push({ backend: backend.name, reason, count });
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
      servers,
      retries,
      ports: this.sources?.counts() ?? [],
      exhausted: [...exhausted].flatMap(([pool, { otherServer, queued, queueTimeout, refused }]) => [
        { pool, outcome: 'other-server', count: otherServer },
        { pool, outcome: 'queued', count: queued },
        { pool, outcome: 'queue-timeout', count: queueTimeout },
        { pool, outcome: 'refused', count: refused },
      ]),
      drift: Object.entries(this.sources?.drift ?? {}).map(([kind, count]) => ({ kind, count })),
      queueDepth: [...waiting].map(([pool, depth]) => ({ pool, depth })),
      ...this.deps.usage(),
    };
  }
}
