import type {
  AdminSource,
  BackendStatus,
  NewServer,
  PortRange,
  PortUseFilter,
  ServerChange,
  ServerWish,
  SourceChange,
  SourceCounters,
  Status,
  Traffic,
} from '../admin/admin-source.ts';
import type { Config, ListenerConfig } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import type { PortForecast } from '../lb/forecast/forecaster.ts';
import { fullestUse, type PortUse } from '../lb/source/port-use.ts';
import type { SourceStatus } from '../lb/source/source-status.ts';
import type { AcmeService } from './acme/acme-service.ts';
import type { BackendService } from './backend-service.ts';
import type { DrainNotice } from './drain-notice.ts';
import type { EngineGroup } from './engine-group.ts';
import type { HaproxyEngine } from './haproxy-engine.ts';
import type { KernelEngine } from './kernel-engine.ts';
import type { PlaneGroup } from './plane-group.ts';
import type { ShortageWatch } from './shortage-watch.ts';
import type { SourceService } from './source-service.ts';
import type { SystemService } from './system-service.ts';
import type { TlsService } from './tls-service.ts';
import { readVersion } from './version.ts';

export interface LiveSourceDeps {
  readonly clock: Clock;
  readonly config: () => Config;
  /** The bound port of each listener. */
  readonly ports: () => Readonly<Record<string, number>>;
  readonly drain: DrainNotice;
  readonly backends: BackendService;
  readonly sources: SourceService;
  readonly planes: PlaneGroup;
  readonly engines: EngineGroup;
  /** Undefined where no listener asks for it. */
  readonly kernel: () => KernelEngine | undefined;
  readonly haproxy: () => HaproxyEngine | undefined;
  readonly shortages: ShortageWatch;
  readonly system: SystemService;
  readonly tls: TlsService;
  readonly acme: AcmeService;
}

/** What runs, as the admin server shows and changes it. */
export class LiveSource implements AdminSource {
  readonly system: SystemService;
  readonly drain: DrainNotice;
  private readonly deps: LiveSourceDeps;
  private readonly startedAtMs: number;

  constructor(deps: LiveSourceDeps) {
    this.deps = deps;
    this.system = deps.system;
    this.drain = deps.drain;
    this.startedAtMs = deps.clock.now();
  }

  status(): Status {
    const { clock, config, planes, backends } = this.deps;
    const ports = this.deps.ports();
    return {
      version: readVersion(),
      pid: process.pid,
      uptimeSeconds: (clock.now() - this.startedAtMs) / 1000,
      listeners: config().listeners.map(({ name, engine, host }) => ({
        name,
        engine,
        bind: `${host.includes(':') ? `[${host}]` : host}:${ports[name]}`,
      })),
      planes: [...planes.status, ...this.engines.map(({ status }) => status)],
      certificates: this.deps.tls.certificates,
      ...(config().acme === undefined ? {} : { orders: this.deps.acme.orders }),
      ...(backends.nameStatus.length === 0 ? {} : { names: backends.nameStatus }),
      workers: backends.workerStatus.map((worker) => ({ ...worker, ready: worker.server !== undefined })),
    };
  }

  listeners(): readonly ListenerConfig[] {
    return this.deps.config().listeners;
  }

  /** Those that own ports and are no planes. */
  private get engines(): readonly (KernelEngine | HaproxyEngine)[] {
    return [this.deps.kernel(), this.deps.haproxy()].filter((engine) => engine !== undefined);
  }

  backends(): readonly BackendStatus[] {
    const sticky = new Map(this.deps.config().backends.map((backend) => [backend.name, backend.sticky]));
    return this.deps.backends.states.map((state) => {
      const kept = sticky.get(state.name);
      // Not the whole of it: there may be a secret key in it.
      return kept === undefined ? state : { ...state, sticky: { by: kept.by, name: kept.name } };
    });
  }

  changeServer(backend: string, server: string, wish: ServerWish): ServerChange {
    return this.deps.backends.changeServer(backend, server, wish);
  }

  addServer(backend: string, server: NewServer): ServerChange {
    return this.deps.backends.addServer(backend, server);
  }

  removeServer(backend: string, server: string): ServerChange {
    return this.deps.backends.removeServer(backend, server);
  }

  sources(): readonly SourceStatus[] {
    return this.deps.sources.statuses;
  }

  addSource(pool: string, address: string): Promise<SourceChange> {
    return this.deps.sources.add(pool, address);
  }

  drainSource(pool: string, address: string): SourceChange {
    return this.deps.sources.drain(pool, address);
  }

  portRanges(): ReadonlyMap<string, PortRange> {
    return new Map(this.deps.config().sources.map(({ name, ports }) => [name, ports]));
  }

  async portUse({ limit, ...filter }: PortUseFilter): Promise<readonly PortUse[]> {
    const engines = this.engines.map((engine) => engine.portUse(filter));
    const uses = await Promise.all([this.deps.planes.portUse(filter), ...engines]);
    return fullestUse(uses.flat(), limit);
  }

  forecasts(): readonly PortForecast[] {
    return this.deps.shortages.forecasts;
  }

  /** The drift that planes and engines find comes with their traffic. */
  sourceCounters(): SourceCounters {
    const { sources, planes, engines } = this.deps;
    const { drift, claims } = sources.counters;
    const sum: Record<string, number> = { ...drift };
    const found = [...planes.drift, ...(engines.counters()?.drift ?? [])];
    for (const { kind, count } of found) sum[kind] = (sum[kind] ?? 0) + count;
    return { drift: sum, claims };
  }

  async traffic(): Promise<Traffic> {
    const { planes, engines } = this.deps;
    const traffic = await planes.collect();
    const primary = engines.counters();
    return primary === undefined ? traffic : { ...traffic, primary };
  }

  notReady(): readonly string[] {
    const { drain, planes, backends } = this.deps;
    const reasons: string[] = [];
    if (drain.isDraining) reasons.push('draining');
    if (!planes.isReady) reasons.push('no data plane accepts connections');
    for (const name of backends.unavailable) {
      const unknown = backends.unresolvedOf(name);
      reasons.push(
        `backend ${name} has no healthy server${unknown.length === 0 ? '' : `: DNS has no address for ${unknown.join(', ')}`}`,
      );
    }
    return reasons;
  }
}
