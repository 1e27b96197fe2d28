import type { ConnectionOptions } from 'node:tls';
import type { NewServer, ServerChange, ServerWish } from '../admin/admin-source.ts';
import type { BackendConfig } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import type { BackendState } from '../lb/control/messages.ts';
import { type ProbeResult, probe } from '../lb/health/probe.ts';
import type { LeasePool } from '../lb/source/lease-pool.ts';
import type { EventLog } from './event-log.ts';
import { ServerRegistry } from './server-registry.ts';
import { WorkerGroup, type WorkerStatus } from './worker-group.ts';

export interface BackendServiceDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: EventLog;
  /** Where health checks lease the ports of a source pool. */
  readonly leasesOf: (pool: string) => LeasePool;
  /** What someone else's checks say of a server, by backend and `host:port`; undefined: it is to be checked here. */
  readonly verdictOn?: (backend: string, server: string) => ProbeResult | undefined;
  /** How health checks speak TLS to a server; undefined: in the clear. */
  readonly tlsOf: (backend: string, host: string) => ConnectionOptions | undefined;
  /** Those who forward have to hear of it. */
  readonly onChange: (state: BackendState) => void;
}

/** The primary's part in backends: their servers, the checks of these, and the workers that Portico runs. */
export class BackendService {
  private readonly deps: BackendServiceDeps;
  private readonly registries = new Map<string, ServerRegistry>();
  private readonly workers: WorkerGroup[] = [];
  private onServer: (() => void) | undefined = undefined;

  constructor(deps: BackendServiceDeps, backends: readonly BackendConfig[]) {
    this.deps = deps;
    for (const backend of backends) this.registries.set(backend.name, this.create(backend));
  }

  private create(backend: BackendConfig): ServerRegistry {
    const { clock, log } = this.deps;
    return new ServerRegistry(
      {
        ...this.deps,
        probe: async (target, { name, source, proxyProtocol }) =>
          this.deps.verdictOn?.(name, `${target.host}:${target.serverPort ?? target.port}`) ??
          probe(
            { clock, leases: this.deps.leasesOf(source) },
            { ...target, proxyProtocol, tls: this.deps.tlsOf(name, target.host) },
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

  start(): void {
    for (const registry of this.registries.values()) {
      registry.start();
      const { workers } = registry.config;
      if (workers === undefined) continue;
      const group = new WorkerGroup(this.deps, registry);
      this.workers.push(group);
      group.start(workers);
    }
  }

  /** Resolves when every backend has a server to send to, or after that time. To be called before `start`. */
  firstServers(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        this.deps.clock.clear(timer);
        this.onServer = undefined;
        resolve();
      };
      const timer = this.deps.clock.after(timeoutMs, settle);
      this.onServer = () => {
        if (this.unavailable.length === 0) settle();
      };
    });
  }

  get states(): readonly BackendState[] {
    return [...this.registries.values()].map((registry) => registry.state);
  }

  /** Backends without a server to send to. */
  get unavailable(): readonly string[] {
    return [...this.registries.values()].filter(({ hasAvailable }) => !hasAvailable).map(({ config }) => config.name);
  }

  get workerStatus(): readonly WorkerStatus[] {
    return this.workers.flatMap(({ status }) => status);
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
    for (const registry of this.registries.values()) registry.stop();
    await Promise.all(this.workers.map((group) => group.stop(deadlineMs)));
  }

  kill(): void {
    for (const registry of this.registries.values()) registry.stop();
    for (const group of this.workers) group.kill();
  }
}

function noBackend(name: string): ServerChange {
  return { ok: false, reason: 'no-backend', detail: `There is no backend "${name}".` };
}
