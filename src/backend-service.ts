import type { ConnectionOptions } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import type { NameStatus, NewServer, ServerChange, ServerWish } from '../admin/admin-source.ts';
import type { BackendConfig, Config } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import type { BackendState, FoundWorker } from '../lb/control/messages.ts';
import { type ProbeResult, probe } from '../lb/health/probe.ts';
import type { LeasePool } from '../lb/source/lease-pool.ts';
import type { EventLog } from './event-log.ts';
import type { Lineage } from './lineage.ts';
import { NameService } from './name-service.ts';
import { ServerRegistry } from './server-registry.ts';
import type { Survivor } from './survivors.ts';
import { systemLookup } from './system-lookup.ts';
import { WorkerGroup, type WorkerStatus } from './worker-group.ts';

export interface BackendServiceDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: EventLog;
  readonly lineage: Lineage;
  /** What planes may take to finish with a worker. */
  readonly drainTimeoutMs: () => number;
  /** Where health checks lease the ports of a source pool. */
  readonly leasesOf: (pool: string) => LeasePool;
  /** What someone else's checks say of a server, by backend and `host:port`; undefined: it is to be checked here. */
  readonly verdictOn?: (backend: string, server: string) => ProbeResult | undefined;
  /** How health checks speak TLS to a server of that name or address; undefined: in the clear. */
  readonly tlsOf: (backend: string, host: string) => ConnectionOptions | undefined;
  /** Those who forward have to hear of it. */
  readonly onChange: (state: BackendState) => void;
}

/** Other backends, servers and workers. */
export interface BackendChange {
  /** Resolves when what changes can be sent to, or after that time. */
  warm(timeoutMs: number): Promise<void>;
  /** What is gone from the config gets no requests any more; its workers have that time to finish. */
  commit(deadlineMs: number): void;
  /** Instead of `commit`: all is as before. */
  abort(): void;
}

/** The primary's part in backends: their servers, the checks of these, and the workers that Portico runs. */
export class BackendService {
  private readonly deps: BackendServiceDeps;
  private readonly names: NameService;
  private config: Config;
  private readonly registries = new Map<string, ServerRegistry>();
  private readonly workers = new Map<string, WorkerGroup>();
  /** Of backends that are gone. */
  private readonly leaving = new Set<WorkerGroup>();
  private foundWorkers: readonly Survivor[] = [];
  private onServer: (() => void) | undefined = undefined;

  constructor(deps: BackendServiceDeps, config: Config) {
    this.deps = deps;
    this.config = config;
    this.names = new NameService({
      ...deps,
      lookup: systemLookup(deps.clock),
      onChange: (name) => this.followName(name),
    });
    for (const backend of config.backends) this.registries.set(backend.name, this.create(backend));
  }

  private create(backend: BackendConfig): ServerRegistry {
    const { clock, log } = this.deps;
    return new ServerRegistry(
      {
        ...this.deps,
        addressesOf: (pool, name) => this.names.addressesOf(pool, name),
        probe: async (target, { name, source, proxyProtocol }) =>
          this.deps.verdictOn?.(name, `${target.host}:${target.serverPort ?? target.port}`) ??
          probe(
            { clock, leases: this.deps.leasesOf(source) },
            { ...target, proxyProtocol, tls: this.deps.tlsOf(name, target.name ?? target.host) },
          ),
        onChange: (state) => {
          this.deps.onChange(state);
          this.onServer?.();
        },
        onVerdict: (name, server, isHealthy, reason) => {
          if (isHealthy) log.emit({ type: 'server-up', backend: name, server });
          else log.emit({ type: 'server-down', backend: name, server, reason });
        },
      },
      backend,
    );
  }

  /** As an earlier primary left them; to be called before `start`. `isSame`: by the same config. */
  restore(states: readonly BackendState[], isSame: boolean): void {
    for (const state of states) {
      this.registries.get(state.name)?.restore(state, isSame);
      for (const { name, host } of state.servers) if (name !== undefined) this.names.remember(name, [host]);
    }
  }

  /** Workers that an earlier primary has left; to be called before `start`. */
  adopt(workers: readonly Survivor[]): void {
    this.foundWorkers = workers;
  }

  start(): void {
    this.names.follow(this.config);
    for (const registry of this.registries.values()) this.startOne(registry);
    this.dismissOthers();
    this.foundWorkers = [];
  }

  /** Workers of an earlier run whose backend is gone, or runs none any more, end when the planes of that run have. */
  private dismissOthers(): void {
    const others = new Set(this.foundWorkers.map(({ state }) => (state as FoundWorker).backend));
    const [some] = this.registries.values();
    for (const name of others) {
      if (this.workers.has(name) || some === undefined) continue;
      const { workers: _, names: __, ...config } = some.config;
      const group = new WorkerGroup(this.deps, this.create({ ...config, name, servers: [] }));
      this.leaving.add(group);
      group.start(undefined, this.foundWorkers);
    }
  }

  private startOne(registry: ServerRegistry): void {
    const { name, workers } = registry.config;
    registry.start();
    if (workers === undefined) return;
    const group = new WorkerGroup(this.deps, registry);
    this.workers.set(name, group);
    group.start(workers, this.foundWorkers);
  }

  /**
   * Starts what `next` has and the config before had not, backends, servers and workers. Those that are there already get their requests; the
   * others get none before `commit`.
   */
  prepare(nextConfig: Config): BackendChange {
    const running = this.config;
    const next = nextConfig.backends;
    this.names.follow(running, nextConfig);
    const before = new Map([...this.registries].map(([name, registry]) => [name, registry.config]));
    const created: string[] = [];
    const introduced = new Map<ServerRegistry, readonly string[]>();
    const renamed = new Set<string>();
    for (const config of next) {
      const registry = this.registries.get(config.name);
      if (registry === undefined) {
        created.push(config.name);
        const fresh = this.create(config);
        this.registries.set(config.name, fresh);
        this.startOne(fresh);
      } else if (registry.config !== config) {
        if (!isDeepStrictEqual(registry.config.names, config.names)) renamed.add(config.name);
        introduced.set(registry, registry.introduce(config));
        this.groupOf(registry, config)?.start(config.workers);
      }
    }
    return {
      warm: (timeoutMs) => {
        const isNew = ({ name }: BackendConfig): boolean => {
          const registry = this.registries.get(name)!;
          const servers = introduced.get(registry) ?? [];
          if (created.includes(name) || renamed.has(name)) return true;
          return servers.length > 0 || (this.workers.get(name)?.leaving.length ?? 0) > 0;
        };
        return this.warm(next.filter(isNew), timeoutMs);
      },
      commit: (deadlineMs) => {
        this.config = nextConfig;
        this.names.follow(nextConfig);
        this.commit(next, deadlineMs);
      },
      abort: () => {
        for (const name of created) this.drop(name, 0);
        for (const [registry, servers] of introduced) {
          registry.withdraw(servers);
          const group = this.workers.get(registry.config.name);
          group?.start(before.get(registry.config.name)?.workers);
          void group?.settle(0);
        }
        this.names.follow(running);
      },
    };
  }

  private groupOf(registry: ServerRegistry, { name, workers }: BackendConfig): WorkerGroup | undefined {
    const known = this.workers.get(name);
    if (known !== undefined || workers === undefined) return known;
    const group = new WorkerGroup(this.deps, registry);
    this.workers.set(name, group);
    return group;
  }

  /** Resolves when each of these has a server that stays, or after that time. */
  private warm(changing: readonly BackendConfig[], timeoutMs: number): Promise<void> {
    return this.waitFor(timeoutMs, () =>
      changing.every((config) => {
        const registry = this.registries.get(config.name)!;
        const leaving = [...registry.leavingBy(config), ...(this.workers.get(config.name)?.leaving ?? [])];
        return registry.hasAvailableBut(new Set(leaving));
      }),
    );
  }

  private commit(next: readonly BackendConfig[], deadlineMs: number): void {
    for (const name of [...this.registries.keys()]) {
      if (!next.some((config) => config.name === name)) this.drop(name, deadlineMs);
    }
    for (const config of next) {
      const registry = this.registries.get(config.name)!;
      if (registry.config === config) continue;
      registry.configure(config);
      void this.workers.get(config.name)?.settle(deadlineMs);
    }
  }

  /** What is under way at its servers is finished. */
  private drop(name: string, deadlineMs: number): void {
    this.registries.get(name)?.stop();
    this.registries.delete(name);
    const group = this.workers.get(name);
    if (group === undefined) return;
    this.workers.delete(name);
    this.leaving.add(group);
    void group.settleAll(deadlineMs).then(() => this.leaving.delete(group));
  }

  private get groups(): readonly WorkerGroup[] {
    return [...this.workers.values(), ...this.leaving];
  }

  /** Planes of an earlier run have been told to finish: so may its workers, when those have. */
  letOldGo(): void {
    for (const group of this.groups) group.letOldGo();
  }

  /** Resolves when every backend has a server to send to, but for those that DNS has none for, or after that time. */
  firstServers(timeoutMs: number): Promise<void> {
    return this.waitFor(timeoutMs, () => this.unavailable.every((name) => this.isUnknown(name)));
  }

  /** Asks again whenever a server has changed. */
  private waitFor(timeoutMs: number, isDone: () => boolean): Promise<void> {
    if (isDone()) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = (): void => {
        this.deps.clock.clear(timer);
        this.onServer = undefined;
        resolve();
      };
      const timer = this.deps.clock.after(timeoutMs, settle);
      this.onServer = () => {
        if (isDone()) settle();
      };
    });
  }

  /** The name may stand for other addresses than before. */
  private followName(name: string): void {
    for (const registry of this.registries.values()) if (registry.hasName(name)) registry.followNames();
    this.onServer?.();
  }

  get states(): readonly BackendState[] {
    return [...this.registries.values()].map((registry) => registry.state);
  }

  get nameStatus(): readonly NameStatus[] {
    return this.names.statuses;
  }

  /** Backends without a server to send to. */
  get unavailable(): readonly string[] {
    return [...this.registries.values()].filter(({ hasAvailable }) => !hasAvailable).map(({ config }) => config.name);
  }

  /** All its servers are names, and lookups of all of them have failed. */
  private isUnknown(backend: string): boolean {
    const { servers, names = [] } = this.registries.get(backend)!.config;
    if (servers.length > 0 || names.length === 0 || this.unresolvedOf(backend).length < names.length) return false;
    return names.every(({ name }) => this.names.isFailing(name));
  }

  /** Names of a backend that no address is known of. */
  unresolvedOf(backend: string): readonly string[] {
    const { names = [], source } = this.registries.get(backend)!.config;
    return names.map(({ name }) => name).filter((name) => this.names.addressesOf(source, name).length === 0);
  }

  get workerStatus(): readonly WorkerStatus[] {
    return [...this.workers.values()].flatMap(({ status }) => status);
  }

  // For the operator

  changeServer(backend: string, server: string, wish: ServerWish): ServerChange {
    return this.registries.get(backend)?.change(server, wish) ?? noBackend(backend);
  }

  addServer(backend: string, { address, weight, backup }: NewServer): ServerChange {
    return this.registries.get(backend)?.addServer(address, weight, backup) ?? noBackend(backend);
  }

  removeServer(backend: string, server: string): ServerChange {
    return this.registries.get(backend)?.removeServer(server) ?? noBackend(backend);
  }

  // The end

  /** No more checks, and workers finish what they have; resolves when they are gone. */
  async stop(deadlineMs: number): Promise<void> {
    this.endChecks();
    await Promise.all(this.groups.map((group) => group.stop(deadlineMs)));
  }

  /** Workers go on for another primary. */
  letGo(): void {
    this.endChecks();
    for (const group of this.groups) group.letGo();
  }

  kill(): void {
    this.endChecks();
    for (const group of this.groups) group.kill();
  }

  private endChecks(): void {
    this.names.stop();
    for (const registry of this.registries.values()) registry.stop();
  }
}

function noBackend(name: string): ServerChange {
  return { ok: false, reason: 'no-backend', detail: `There is no backend "${name}".` };
}
