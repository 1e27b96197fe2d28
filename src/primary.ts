import type {
  AdminSource,
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
import { liveTraffic } from '../admin/live-traffic.ts';
import { AdminServer } from '../admin/server.ts';
import type { Config, ListenerConfig } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import type { BackendState, PortBlock } from '../lb/control/messages.ts';
import { runsInPlanes } from '../lb/engine/plane-engines.ts';
import type { PortForecast } from '../lb/forecast/forecaster.ts';
import { type ProbeResult, type ProbeTarget, probe } from '../lb/health/probe.ts';
import { ListenError, type ListenSocket, openListenSocket } from '../lb/net/listen-socket.ts';
import { loadTcpBinding } from '../lb/net/tcp-binding.ts';
import { fullestUse, type PortUse } from '../lb/source/port-use.ts';
import type { SourceStatus } from '../lb/source/source-status.ts';
import { logFileFault } from './check-log-files.ts';
import { createPrimaryEngine } from './create-primary-engine.ts';
import { EngineGroup } from './engine-group.ts';
import { EventLog } from './event-log.ts';
import { KERNEL, KernelEngine } from './kernel-engine.ts';
import { PlaneGroup } from './plane-group.ts';
import { ServerRegistry } from './server-registry.ts';
import { ShortageWatch } from './shortage-watch.ts';
import { SourceService } from './source-service.ts';
import { SystemService } from './system-service.ts';
import { readVersion } from './version.ts';
import { WorkerGroup } from './worker-group.ts';

/** Portico cannot start; the message is one sentence that says what to do. */
export class StartError extends Error {
  readonly code = 'START';
  readonly source = 'config';
  readonly retryable = false;
}

export interface PrimaryDeps {
  readonly clock: Clock;
  readonly random: () => number;
}

/** How long a start waits for workers and first health checks before it says that it is up, without them. */
const FIRST_SERVER_MS = 5000;

/** The process that owns the others: reads no traffic, grants ports, checks servers, answers the admin server. */
export class Primary implements AdminSource {
  readonly log = new EventLog();
  readonly config: Config;
  /** The bound port of each listener, once started. */
  readonly ports: Record<string, number> = {};
  adminAddress = '';
  private readonly deps: PrimaryDeps;
  private readonly sourceService: SourceService;
  private readonly registries = new Map<string, ServerRegistry>();
  private readonly workers: WorkerGroup[] = [];
  private readonly sockets = new Map<string, ListenSocket>();
  private readonly reserved: ListenSocket[] = [];
  private readonly planes: PlaneGroup;
  private readonly engines: EngineGroup;
  private kernel: KernelEngine | undefined = undefined;
  private readonly shortages: ShortageWatch;
  readonly system: SystemService;
  private readonly admin: AdminServer;
  private readonly startedAtMs: number;
  private onServer: (() => void) | undefined = undefined;
  private isDraining = false;
  private stopping: Promise<void> | undefined = undefined;

  constructor(deps: PrimaryDeps, config: Config) {
    this.deps = deps;
    this.config = config;
    this.startedAtMs = deps.clock.now();
    const { log } = this;
    this.sourceService = new SourceService(
      {
        ...deps,
        log,
        tellPlane: (plane, command) => {
          if (plane === KERNEL) this.kernel?.tell(command);
          else this.planes.tell(plane, command);
        },
        tellPlanes: (command) => {
          this.planes.broadcast(command);
          this.kernel?.tell(command);
        },
      },
      config,
    );
    for (const backend of config.backends) {
      const leases = this.sourceService.leasesOf(backend.source);
      const registry = new ServerRegistry(
        {
          ...deps,
          probe: (target: ProbeTarget): Promise<ProbeResult> =>
            probe({ clock: deps.clock, leases }, { ...target, proxyProtocol: backend.proxyProtocol }),
          onChange: (state) => this.handleServers(state),
          onVerdict: (name, server, isHealthy, reason) => {
            if (isHealthy) this.log.emit({ type: 'server-up', backend: name, server });
            else this.log.emit({ type: 'server-down', backend: name, server, reason });
          },
        },
        backend,
      );
      this.registries.set(backend.name, registry);
    }
    this.planes = new PlaneGroup(
      {
        ...deps,
        log,
        ledger: this.sourceService.ledger,
        broker: this.sourceService.broker,
        backends: () => this.backends(),
        sources: () => this.sourceService.updates,
        avoided: () => this.sourceService.avoided,
        onReturn: (plane, blocks) => this.sourceService.onReturn(plane, blocks),
        onSourceLost: (plane, pool, address) => this.sourceService.onSourceLost(plane, pool, address),
      },
      config,
      this.sockets,
    );
    const engineDeps = {
      ...deps,
      log,
      ledger: this.sourceService.ledger,
      broker: this.sourceService.broker,
      sources: () => this.sourceService.updates,
      avoided: () => this.sourceService.avoided,
      onReturn: (owner: string, blocks: readonly PortBlock[]) => this.sourceService.onReturn(owner, blocks),
    };
    this.engines = new EngineGroup(
      {
        clock: deps.clock,
        create: (name) => {
          const engine = createPrimaryEngine(name, engineDeps, config);
          if (engine instanceof KernelEngine) this.kernel = engine;
          return engine;
        },
      },
      config,
    );
    this.shortages = new ShortageWatch(
      {
        clock: deps.clock,
        log,
        ports: async () => liveTraffic(await this.traffic()).ports,
        sources: () => this.sources(),
      },
      config.sources,
    );
    this.system = new SystemService(
      {
        clock: deps.clock,
        log,
        connections: async () =>
          liveTraffic(await this.traffic()).listeners.reduce((sum, { connections }) => sum + connections, 0),
      },
      config,
    );
    this.admin = new AdminServer(this, config.admin, {
      onError: (error) =>
        this.log.emit({ type: 'admin-error', message: error instanceof Error ? error.message : String(error) }),
    });
  }

  /**
   * Resolves when clients are served. Throws StartError, ClaimError or AdminError; nothing is left running then. `signal` gives up: what
   * is served by then is finished first, and a StartError follows.
   */
  async start(signal?: AbortSignal): Promise<void> {
    const aborted = new Promise<'aborted'>((resolve) => {
      signal?.addEventListener('abort', () => resolve('aborted'), { once: true });
    });
    if ((await Promise.race([this.bringUp(), aborted])) !== 'aborted') return;
    await this.stop();
    throw new StartError('it was told to stop before it was up.');
  }

  private async bringUp(): Promise<void> {
    try {
      const fault = logFileFault(this.config.listeners);
      if (fault !== undefined) throw new StartError(fault);
      for (const listener of this.config.listeners) this.bind(listener);
      this.adminAddress = await this.admin.start();
      await this.sourceService.start();
      // Before anyone else gets ports: some may have connections of an earlier run on them.
      await this.engines.start(this.backends());
      const firstServers = this.firstServers();
      for (const registry of this.registries.values()) {
        registry.start();
        const { workers } = registry.config;
        if (workers === undefined) continue;
        const group = new WorkerGroup({ ...this.deps, log: this.log }, registry);
        this.workers.push(group);
        group.start(workers);
      }
      await this.planes.start();
      await firstServers;
      this.shortages.start();
      this.system.start();
    } catch (error) {
      if (this.isDraining) return;
      await this.kill();
      await this.admin.stop();
      throw error;
    }
  }

  private bind({ name, host, port, engine, protocol }: ListenerConfig): void {
    this.ports[name] = port;
    const isInPlanes = runsInPlanes(engine);
    if (!isInPlanes && protocol === 'udp') return;
    try {
      const socket = openListenSocket(loadTcpBinding(), host, port);
      // Where no plane accepts, it only keeps other programs from taking for theirs what they would never get.
      if (isInPlanes) this.sockets.set(name, socket);
      else this.reserved.push(socket);
      this.ports[name] = socket.port;
    } catch (cause) {
      if (!(cause instanceof ListenError)) throw cause;
      throw new StartError(explainListen(cause.code, name, host, port), { cause });
    }
  }

  /** Resolves when every backend has a server to send to, or when it has been waited for long enough. */
  private firstServers(): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        this.deps.clock.clear(timer);
        this.onServer = undefined;
        resolve();
      };
      const timer = this.deps.clock.after(FIRST_SERVER_MS, settle);
      this.onServer = () => {
        if ([...this.registries.values()].every((registry) => registry.hasAvailable)) settle();
      };
    });
  }

  private handleServers(state: BackendState): void {
    this.planes.broadcast({ type: 'backend', backend: state });
    this.engines.apply(state);
    this.onServer?.();
  }

  // For the admin server

  status(): Status {
    return {
      version: readVersion(),
      pid: process.pid,
      uptimeSeconds: (this.deps.clock.now() - this.startedAtMs) / 1000,
      listeners: this.config.listeners.map(({ name, engine, host }) => ({
        name,
        engine,
        bind: `${host.includes(':') ? `[${host}]` : host}:${this.ports[name]}`,
      })),
      planes: this.kernel === undefined ? this.planes.status : [...this.planes.status, this.kernel.status],
      workers: this.workers.flatMap((group) =>
        group.status.map((worker) => ({ ...worker, ready: worker.server !== undefined })),
      ),
    };
  }

  backends(): readonly BackendState[] {
    return [...this.registries.values()].map((registry) => registry.state);
  }

  changeServer(backend: string, server: string, wish: ServerWish): ServerChange {
    return this.registries.get(backend)?.change(server, wish) ?? noBackend(backend);
  }

  addServer(backend: string, { address, weight, backup }: NewServer): ServerChange {
    return this.registries.get(backend)?.addServer(address, weight, backup) ?? noBackend(backend);
  }

  removeServer(backend: string, server: string): ServerChange {
    return this.registries.get(backend)?.removeServer(server) ?? noBackend(backend);
  }

  sources(): readonly SourceStatus[] {
    return this.sourceService.statuses;
  }

  addSource(pool: string, address: string): Promise<SourceChange> {
    return this.sourceService.add(pool, address);
  }

  drainSource(pool: string, address: string): SourceChange {
    return this.sourceService.drain(pool, address);
  }

  portRanges(): ReadonlyMap<string, PortRange> {
    return new Map(this.config.sources.map(({ name, ports }) => [name, ports]));
  }

  async portUse({ limit, ...filter }: PortUseFilter): Promise<readonly PortUse[]> {
    const uses = await Promise.all([this.planes.portUse(filter), this.kernel?.portUse(filter) ?? []]);
    return fullestUse(uses.flat(), limit);
  }

  forecasts(): readonly PortForecast[] {
    return this.shortages.forecasts;
  }

  /** The drift that planes and engines find comes with their traffic. */
  sourceCounters(): SourceCounters {
    const { drift, claims } = this.sourceService.counters;
    const sum: Record<string, number> = { ...drift };
    const found = [...this.planes.drift, ...(this.engines.counters()?.drift ?? [])];
    for (const { kind, count } of found) sum[kind] = (sum[kind] ?? 0) + count;
    return { drift: sum, claims };
  }

  async traffic(): Promise<Traffic> {
    const traffic = await this.planes.collect();
    const primary = this.engines.counters();
    return primary === undefined ? traffic : { ...traffic, primary };
  }

  notReady(): readonly string[] {
    const reasons: string[] = [];
    if (this.isDraining) reasons.push('draining');
    if (!this.planes.isReady) reasons.push('no data plane accepts connections');
    for (const registry of this.registries.values()) {
      if (!registry.hasAvailable) reasons.push(`backend ${registry.config.name} has no healthy server`);
    }
    return reasons;
  }

  /** Log files were moved away: every plane goes on in new ones of the same names. */
  reopenLogs(): void {
    this.planes.broadcast({ type: 'reopen-logs' });
  }

  // The end

  /** Stops accepting, finishes what is open within the drain time-out, stops the workers. Idempotent. */
  stop(): Promise<void> {
    this.stopping ??= this.drain();
    return this.stopping;
  }

  private async drain(): Promise<void> {
    this.isDraining = true;
    const { drainTimeoutMs } = this.config;
    for (const socket of [...this.sockets.values(), ...this.reserved]) socket.close();
    await Promise.all([this.planes.stop(drainTimeoutMs), this.engines.drain(drainTimeoutMs)]);
    for (const registry of this.registries.values()) registry.stop();
    await Promise.all(this.workers.map((group) => group.stop(drainTimeoutMs)));
    this.shortages.stop();
    this.system.stop();
    await this.sourceService.stop();
    await this.admin.stop();
  }

  /** Ends every child at once; resolves when claimed addresses have been let go. */
  async kill(): Promise<void> {
    for (const socket of [...this.sockets.values(), ...this.reserved]) socket.close();
    for (const registry of this.registries.values()) registry.stop();
    this.planes.kill();
    for (const group of this.workers) group.kill();
    this.shortages.stop();
    this.system.stop();
    await this.engines.stop();
    await this.sourceService.stop();
  }
}

function noBackend(name: string): ServerChange {
  return { ok: false, reason: 'no-backend', detail: `There is no backend "${name}".` };
}

function explainListen(code: string, name: string, host: string, port: number): string {
  const where = `listener "${name}" at ${host}:${port}`;
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} is in use by another program (${where}); stop that program or change "bind".`;
    case 'EACCES':
      return `port ${port} needs the capability CAP_NET_BIND_SERVICE (${where}); run as root, grant it, or choose a port from 1024 on.`;
    case 'EADDRNOTAVAIL':
      return `the address ${host} is not on this machine (${where}); change "bind".`;
    default:
      return `${where} cannot be bound (${code}); change "bind".`;
  }
}
