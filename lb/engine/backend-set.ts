import type { BackendConfig } from '../../config/config.ts';
import type { Member } from '../balance/server-pool.ts';
import type { BackendState, ServerState } from '../control/messages.ts';
import type { Exhausted } from '../metrics/exhausted.ts';
import type { TrafficMetrics, UpstreamMetrics } from '../metrics/plane-metrics.ts';
import type { LeasePool } from '../source/lease-pool.ts';

/** What an engine has for each backend. */
export interface EngineBackend<S> {
  readonly name: string;
  /** What waits for a source port. */
  readonly waitingCount: number;
  readonly exhausted: Exhausted;
  /** Nothing waits here. */
  readonly isIdle: boolean;
  update(servers: readonly { readonly member: S; readonly state: ServerState }[]): void;
  onRoom(): void;
}

/** What an engine has for each server. */
export interface EngineServer extends Member {
  /** What is under way there. */
  readonly active: number;
  readonly connectsTotal: number;
  readonly connectFailuresTotal: number;
  /** Absent: it does not answer requests. */
  readonly answers?: { readonly count: number; readonly sumMs: number };
}

/** A backend with all servers it has had, those that are gone from the config until their connections are. */
export interface BackendEntry<B, S> {
  config: BackendConfig;
  readonly backend: B;
  leases: LeasePool;
  /** Of the pool, as the backend goes by it. */
  exhaustion: LeasePool['exhaustion'];
  readonly servers: Map<string, S>;
  readonly leaving: Set<S>;
}

export interface BackendSetDeps<B, S> {
  readonly pools: ReadonlyMap<string, LeasePool>;
  readonly createBackend: (config: BackendConfig, leases: LeasePool) => B;
  readonly createServer: (entry: BackendEntry<B, S>, state: ServerState) => S;
  /** The config of the backend was replaced, or how its pool meets a shortage. */
  readonly onConfigured: (entry: BackendEntry<B, S>, before: BackendConfig) => void;
  /** The backend is gone from the config: what is under way there is finished. */
  readonly onRetired?: (server: S) => void;
  /** It gets nothing new. */
  readonly onLeaving?: (server: S) => void;
}

/** The backends of one engine in one plane, and their servers as the primary tells of them. */
export class BackendSet<B extends EngineBackend<S>, S extends EngineServer> {
  private readonly deps: BackendSetDeps<B, S>;
  private readonly entries = new Map<string, BackendEntry<B, S>>();
  /** Gone from the config, but not idle yet. */
  private readonly retired = new Set<BackendEntry<B, S>>();
  /** What those had counted that are no more, by pool. */
  private readonly exhaustedBefore = new Map<string, Exhausted>();
  /** What the servers of each were made by. */
  private readonly applied = new Map<string, BackendState>();

  constructor(deps: BackendSetDeps<B, S>) {
    this.deps = deps;
  }

  /**
   * From now on there are these, by the next `apply`, which has to follow. What is the same object as before has not changed. Returns whether
   * anything has.
   */
  configure(configs: readonly BackendConfig[]): boolean {
    let hasChanged = false;
    const names = new Set(configs.map(({ name }) => name));
    for (const [name, entry] of this.entries) {
      if (names.has(name)) continue;
      hasChanged = true;
      this.retire(name, entry);
    }
    for (const config of configs) {
      const entry = this.entries.get(config.name);
      if (entry === undefined) this.add(config);
      if (entry === undefined || this.change(entry, config)) hasChanged = true;
    }
    return hasChanged;
  }

  private add(config: BackendConfig): void {
    const leases = this.deps.pools.get(config.source)!;
    const backend = this.deps.createBackend(config, leases);
    const { exhaustion } = leases;
    this.entries.set(config.name, { config, backend, leases, exhaustion, servers: new Map(), leaving: new Set() });
  }

  private change(entry: BackendEntry<B, S>, config: BackendConfig): boolean {
    const { config: before } = entry;
    const leases = this.deps.pools.get(config.source)!;
    if (before === config && entry.leases === leases && entry.exhaustion === leases.exhaustion) return false;
    if (entry.leases !== leases || before.proxyProtocol !== config.proxyProtocol) {
      // A lease is of one pool, and a connection says once who the client is: other servers, with the same names, take over.
      for (const server of entry.servers.values()) this.leave(entry, server);
      entry.servers.clear();
    }
    entry.config = config;
    entry.leases = leases;
    entry.exhaustion = leases.exhaustion;
    this.applied.delete(config.name);
    this.deps.onConfigured(entry, before);
    return true;
  }

  private retire(name: string, entry: BackendEntry<B, S>): void {
    this.entries.delete(name);
    this.applied.delete(name);
    this.retired.add(entry);
    for (const server of entry.servers.values()) this.deps.onRetired?.(server);
  }

  private leave({ leaving }: BackendEntry<B, S>, server: S): void {
    leaving.add(server);
    this.deps.onLeaving?.(server);
  }

  /** Lets go of the backends that are gone from the config and have nothing under way any more. */
  sweep(): void {
    for (const entry of this.retired) {
      const { backend, servers, leaving } = entry;
      if (!backend.isIdle || [...servers.values()].some(({ active }) => active > 0)) continue;
      for (const server of servers.values()) this.leave(entry, server);
      servers.clear();
      if (leaving.size > 0) continue;
      this.retired.delete(entry);
      const { source } = entry.config;
      const before = this.exhaustedBefore.get(source);
      this.exhaustedBefore.set(source, before === undefined ? backend.exhausted : sum(before, backend.exhausted));
    }
  }

  get(name: string): BackendEntry<B, S> | undefined {
    return this.entries.get(name);
  }

  /** Those that are gone from the config as well, as long as they have anything under way. */
  *values(): Iterable<BackendEntry<B, S>> {
    yield* this.entries.values();
    yield* this.retired;
  }

  /** Every server with its backend, those that leave, too. */
  *servers(): Iterable<{ readonly entry: BackendEntry<B, S>; readonly server: S }> {
    for (const entry of this.values()) {
      for (const server of entry.servers.values()) yield { entry, server };
      for (const server of entry.leaving) yield { entry, server };
    }
  }

  /** Backends whose state is the same object as before have not changed. `onApplied` hears of the others. */
  apply(states: readonly BackendState[], onApplied: (entry: BackendEntry<B, S>, state: BackendState) => void): void {
    for (const state of states) {
      const entry = this.entries.get(state.name);
      if (entry === undefined || this.applied.get(state.name) === state) continue;
      this.applied.set(state.name, state);
      this.update(entry, state);
      onApplied(entry, state);
    }
  }

  private update(entry: BackendEntry<B, S>, state: BackendState): void {
    const { backend, servers } = entry;
    const known = new Set(state.servers.map(({ id }) => id));
    for (const [id, server] of servers) {
      if (known.has(id)) continue;
      servers.delete(id);
      this.leave(entry, server);
    }
    for (const server of state.servers) {
      if (!servers.has(server.id)) servers.set(server.id, this.deps.createServer(entry, server));
    }
    backend.update(state.servers.map((server) => ({ member: servers.get(server.id)!, state: server })));
  }

  onRoom(): void {
    for (const { backend } of this.values()) backend.onRoom();
  }

  isWaitingFor(pool: string): boolean {
    for (const { config, backend } of this.values()) {
      if (config.source === pool && backend.waitingCount > 0) return true;
    }
    return false;
  }

  exhausted(): TrafficMetrics['exhausted'][number][] {
    const counts = [...this.values()].map(({ config, backend }) => [config.source, backend.exhausted] as const);
    return [...counts, ...this.exhaustedBefore].flatMap(([pool, exhausted]) => [
      { pool, outcome: 'other-server', count: exhausted.otherServer },
      { pool, outcome: 'queued', count: exhausted.queued },
      { pool, outcome: 'queue-timeout', count: exhausted.queueTimeout },
      { pool, outcome: 'refused', count: exhausted.refused },
    ]);
  }

  /** `of` tells how many connections to the server are in use and how many kept for later. */
  upstreams(of: (server: S) => Pick<UpstreamMetrics, 'active' | 'idle'>): UpstreamMetrics[] {
    return [...this.servers()].map(({ entry, server }) => ({
      backend: entry.backend.name,
      server: server.id,
      ...of(server),
      connectsTotal: server.connectsTotal,
      connectFailuresTotal: server.connectFailuresTotal,
      answersTotal: server.answers?.count ?? 0,
      answerSeconds: (server.answers?.sumMs ?? 0) / 1000,
      ejected: server.track?.isEjected === true ? 1 : 0,
      ejectionsTotal: server.track?.ejectionsTotal ?? 0,
    }));
  }
}

function sum(a: Exhausted, b: Exhausted): Exhausted {
  return {
    otherServer: a.otherServer + b.otherServer,
    queued: a.queued + b.queued,
    queueTimeout: a.queueTimeout + b.queueTimeout,
    refused: a.refused + b.refused,
  };
}
