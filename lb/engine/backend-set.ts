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
  update(servers: readonly { readonly member: S; readonly state: ServerState }[]): void;
  onRoom(): void;
}

/** What an engine has for each server. */
export interface EngineServer extends Member {
  readonly connectsTotal: number;
  readonly connectFailuresTotal: number;
}

/** A backend with all servers it has had, those that are gone from the config until their connections are. */
export interface BackendEntry<B, S> {
  readonly config: BackendConfig;
  readonly backend: B;
  readonly leases: LeasePool;
  readonly servers: Map<string, S>;
  readonly leaving: Set<S>;
}

export interface BackendSetDeps<B, S> {
  readonly pools: ReadonlyMap<string, LeasePool>;
  readonly createBackend: (config: BackendConfig, leases: LeasePool) => B;
  readonly createServer: (entry: BackendEntry<B, S>, state: ServerState) => S;
  /** It gets nothing new. */
  readonly onLeaving?: (server: S) => void;
}

/** The backends of one engine in one plane, and their servers as the primary tells of them. */
export class BackendSet<B extends EngineBackend<S>, S extends EngineServer> {
  private readonly deps: BackendSetDeps<B, S>;
  private readonly entries = new Map<string, BackendEntry<B, S>>();
  /** What the servers of each were made by. */
  private readonly applied = new Map<string, BackendState>();

  constructor(deps: BackendSetDeps<B, S>) {
    this.deps = deps;
  }

  add(config: BackendConfig): void {
    const leases = this.deps.pools.get(config.source)!;
    const backend = this.deps.createBackend(config, leases);
    this.entries.set(config.name, { config, backend, leases, servers: new Map(), leaving: new Set() });
  }

  get(name: string): BackendEntry<B, S> | undefined {
    return this.entries.get(name);
  }

  values(): Iterable<BackendEntry<B, S>> {
    return this.entries.values();
  }

  /** Every server with its backend, those that leave, too. */
  *servers(): Iterable<{ readonly entry: BackendEntry<B, S>; readonly server: S }> {
    for (const entry of this.entries.values()) {
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
    const { backend, servers, leaving } = entry;
    const known = new Set(state.servers.map(({ id }) => id));
    for (const [id, server] of servers) {
      if (known.has(id)) continue;
      servers.delete(id);
      leaving.add(server);
      this.deps.onLeaving?.(server);
    }
    for (const server of state.servers) {
      if (!servers.has(server.id)) servers.set(server.id, this.deps.createServer(entry, server));
    }
    backend.update(state.servers.map((server) => ({ member: servers.get(server.id)!, state: server })));
  }

  onRoom(): void {
    for (const { backend } of this.entries.values()) backend.onRoom();
  }

  isWaitingFor(pool: string): boolean {
    for (const { config, backend } of this.entries.values()) {
      if (config.source === pool && backend.waitingCount > 0) return true;
    }
    return false;
  }

  exhausted(): TrafficMetrics['exhausted'][number][] {
    return [...this.entries.values()].flatMap(({ config: { source: pool }, backend: { exhausted } }) => [
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
      ejected: server.track?.isEjected === true ? 1 : 0,
      ejectionsTotal: server.track?.ejectionsTotal ?? 0,
    }));
  }
}
