import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { ConfigChange } from '../admin/config-source.ts';
import { liveTraffic } from '../admin/live-traffic.ts';
import type { AdminServer } from '../admin/server.ts';
import type { Config } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import type { BackendState, FoundPlane, PortBlock } from '../lb/control/messages.ts';
import { loadLimitUnsent } from '../lb/net/limit-unsent.ts';
import { loadTcpBinding } from '../lb/net/tcp-binding.ts';
import { createAcmeIssuer } from './acme/acme-issuer.ts';
import { AcmeService } from './acme/acme-service.ts';
import { BackendService } from './backend-service.ts';
import { logFileFault } from './check-log-files.ts';
import { checkedByHaproxy } from './checked-by-haproxy.ts';
import { ConfigService } from './config-service.ts';
import { createAdminServer } from './create-admin-server.ts';
import { createPrimaryEngine } from './create-primary-engine.ts';
import { DrainNotice } from './drain-notice.ts';
import { EngineGroup } from './engine-group.ts';
import { EventLog } from './event-log.ts';
import { fileStamp } from './file-stamp.ts';
import { HAPROXY, HaproxyEngine } from './haproxy-engine.ts';
import { haproxyDirectory, haproxyTlsDirectory } from './haproxy-files.ts';
import { KERNEL, KernelEngine } from './kernel-engine.ts';
import type { Lineage } from './lineage.ts';
import { ListenSockets } from './listen-sockets.ts';
import { LiveSource } from './live-source.ts';
import { PlaneGroup } from './plane-group.ts';
import type { PrimaryDeps } from './primary-deps.ts';
import { Reloader } from './reloader.ts';
import { ShortageWatch } from './shortage-watch.ts';
import { indexOfPlane, sortPlanes } from './sort-planes.ts';
import { SourceService } from './source-service.ts';
import { StartError } from './start-error.ts';
import { endStrayHaproxy } from './stray-haproxy.ts';
import { Succession } from './succession.ts';
import { SystemService } from './system-service.ts';
import { TlsService } from './tls-service.ts';

/** How long a start waits for workers and first health checks before it says that it is up, without them. */
const FIRST_SERVER_MS = 5000;
/** For the addresses of an HAProxy that is told to end: its workers do so at their next turn. */
const STRAY_MS = 5000;

/** The process that owns the others: reads no traffic, grants ports, checks servers, answers the admin server. */
export class Primary {
  readonly log = new EventLog();
  private readonly reloader: Reloader;
  private readonly file: ConfigService | undefined;
  adminAddress = '';
  private readonly sources: SourceService;
  private readonly backends: BackendService;
  private readonly sockets = new ListenSockets(loadTcpBinding(), loadLimitUnsent());
  private readonly tls: TlsService;
  private readonly acme: AcmeService;
  private readonly planes: PlaneGroup;
  private readonly engines: EngineGroup;
  private readonly shortages: ShortageWatch;
  private readonly system: SystemService;
  private readonly admin: AdminServer;
  private readonly clock: Clock;
  private readonly lineage: Lineage;
  private readonly succession: Succession;
  private readonly drainNotice: DrainNotice;
  private stopping: Promise<void> | undefined = undefined;

  /** `source`: the file that the config is from, if it is from one. */
  constructor(deps: PrimaryDeps, config: Config, source?: { readonly file: string; readonly text: string }) {
    const { log } = this;
    this.clock = deps.clock;
    this.lineage = deps.lineage;
    this.succession = new Succession({ ...deps, log }, deps.lineage);
    this.drainNotice = new DrainNotice({
      clock: deps.clock,
      delayMs: () => this.config.drainDelayMs ?? 0,
      announce: (isAhead) => this.planes.announceDrain(isAhead),
      stop: deps.onStopAsked,
    });
    this.sources = new SourceService(
      {
        ...deps,
        log,
        tellPlane: (plane, command) => {
          if (plane === KERNEL) this.kernel?.tell(command);
          else if (plane === HAPROXY) this.haproxy?.onCommand(command);
          else this.planes.tell(plane, command);
        },
        tellPlanes: (command) => {
          this.planes.broadcast(command);
          this.kernel?.tell(command);
          this.haproxy?.onCommand(command);
        },
      },
      config,
    );
    this.backends = new BackendService(
      {
        ...deps,
        log,
        drainTimeoutMs: () => this.config.drainTimeoutMs,
        leasesOf: (pool) => this.sources.leasesOf(pool),
        verdictOn: (backend, server) =>
          checkedByHaproxy(this.config, (...which) => this.haproxy?.verdictOn(...which))(backend, server),
        tlsOf: (backend, host) => this.tls.clientOptions(backend, host),
        onChange: (state) => this.handleServers(state),
      },
      config,
    );
    this.tls = new TlsService(
      {
        clock: deps.clock,
        log,
        readText: (file, encoding = 'utf8') => readFileSync(file, encoding),
        onChange: (material) => this.planes.broadcast({ type: 'tls', material }),
        haproxyDirectory: haproxyTlsDirectory(haproxyDirectory(deps.lineage.directory)),
      },
      config,
    );
    this.acme = new AcmeService(
      {
        ...deps,
        log,
        onAnswers: () => {
          this.planes.broadcast({ type: 'challenges', answers: this.acme.answers });
          // Planes take messages in their order: who has reported has taken that one.
          return this.planes.collect();
        },
        createIssuer: (acme, accountKey) => createAcmeIssuer(deps, acme, accountKey),
      },
      config,
    );
    // Engines of the start are created before there is a reloader.
    const current = (): Config => (this.reloader as Reloader | undefined)?.config ?? config;
    const owners = {
      ...deps,
      log,
      ledger: this.sources.ledger,
      broker: this.sources.broker,
      sources: () => this.sources.updates,
      avoided: () => this.sources.avoided,
      onReturn: (owner: string, blocks: readonly PortBlock[]) => this.sources.onReturn(owner, blocks),
    };
    this.planes = new PlaneGroup(
      {
        ...owners,
        backends: () => this.backends.states,
        tls: () => (this.tls.material === undefined ? {} : { tls: this.tls.material }),
        challenges: () => this.acme.answers,
        onSourceLost: (plane, pool, address) => this.sources.onSourceLost(plane, pool, address),
      },
      config,
      this.sockets.accepting,
    );
    this.engines = new EngineGroup(
      {
        clock: deps.clock,
        create: (name) => {
          const haproxy = {
            directory: haproxyDirectory(deps.lineage.directory),
            tls: () => this.tls.haproxy,
            planes: () => this.config.planes,
          };
          return createPrimaryEngine(name, { ...owners, haproxy, pools: () => this.config.sources }, current());
        },
      },
      config,
    );
    this.shortages = new ShortageWatch(
      {
        clock: deps.clock,
        log,
        ports: async () => liveTraffic(await live.traffic()).ports,
        sources: () => this.sources.statuses,
      },
      config.sources,
    );
    this.system = new SystemService(
      {
        clock: deps.clock,
        log,
        connections: async () =>
          liveTraffic(await live.traffic()).listeners.reduce((sum, { connections }) => sum + connections, 0),
      },
      config,
    );
    const live = new LiveSource({
      clock: deps.clock,
      config: () => this.config,
      ports: () => this.ports,
      drain: this.drainNotice,
      backends: this.backends,
      sources: this.sources,
      planes: this.planes,
      engines: this.engines,
      kernel: () => this.kernel,
      haproxy: () => this.haproxy,
      shortages: this.shortages,
      system: this.system,
      tls: this.tls,
      acme: this.acme,
    });
    this.reloader = new Reloader(
      {
        sockets: this.sockets,
        sources: this.sources,
        backends: this.backends,
        engines: this.engines,
        planes: this.planes,
        tls: this.tls,
        acme: this.acme,
        onApplied: (next) => {
          this.acme.configure(next);
          this.shortages.configure(next.sources);
          this.system.configure(next);
          this.file?.watch(next.watchesFile === true);
        },
      },
      config,
    );
    this.file =
      source === undefined
        ? undefined
        : new ConfigService(
            {
              clock: deps.clock,
              stamp: fileStamp,
              log,
              cpuCount: availableParallelism(),
              readText: (file, encoding = 'utf8') => readFileSync(file, encoding),
              apply: (next) => this.reloader.apply(next),
            },
            source,
          );
    this.admin = createAdminServer({ ...deps, log, config: this.file }, live, config.admin);
  }

  get config(): Config {
    return this.reloader.config;
  }

  /** The file of that config, and its text; undefined without one. */
  get source(): { readonly file: string; readonly text: string } | undefined {
    return this.file === undefined ? undefined : { file: this.file.file, text: this.file.running().text };
  }

  private get kernel(): KernelEngine | undefined {
    const engine = this.engines.get(KERNEL);
    return engine instanceof KernelEngine ? engine : undefined;
  }

  private get haproxy(): HaproxyEngine | undefined {
    const engine = this.engines.get(HAPROXY);
    return engine instanceof HaproxyEngine ? engine : undefined;
  }

  /** The bound port of each listener, once started. */
  get ports(): Readonly<Record<string, number>> {
    return this.sockets.ports;
  }

  /**
   * Resolves when clients are served. Throws StartError, ClaimError or AdminError; nothing is left running then. `signal` gives up: what
   * is served by then is finished first, and a StartError follows.
   */
  async start({
    signal,
    isUpgrade = false,
  }: {
    signal?: AbortSignal | undefined;
    isUpgrade?: boolean | undefined;
  } = {}): Promise<void> {
    const aborted = new Promise<'aborted'>((resolve) => {
      signal?.addEventListener('abort', () => resolve('aborted'), { once: true });
    });
    if ((await Promise.race([this.bringUp(isUpgrade), aborted])) !== 'aborted') return;
    await this.stop();
    throw new StartError('it was told to stop before it was up.');
  }

  private async bringUp(isUpgrade: boolean): Promise<void> {
    try {
      const fault = logFileFault(this.config.listeners);
      if (fault !== undefined) throw new StartError(fault);
      await this.acme.prepare(this.config);
      this.tls.start();
      await this.succession.open(isUpgrade);
      await this.adopt();
      const hasStray =
        this.haproxy === undefined && endStrayHaproxy(this.clock, this.lineage.directory, this.config.drainTimeoutMs);
      this.adminAddress = await this.admin.start();
      await this.sockets.bindAll(this.config.listeners, this.clock, hasStray ? STRAY_MS : 0);
      await this.sources.start();
      // Before anyone else gets ports: some may have connections of an earlier run on them.
      await this.engines.start(this.backends.states);
      const firstServers = this.backends.firstServers(FIRST_SERVER_MS);
      this.backends.start();
      await this.planes.start();
      this.backends.letOldGo();
      await firstServers;
      this.shortages.start();
      this.system.start();
      this.file?.watch(this.config.watchesFile === true);
      this.succession.confirm();
      this.acme.start();
    } catch (error) {
      if (this.drainNotice.isDraining) return;
      // Those that serve since before this run go on, for the next one.
      if (this.succession.survivors.length > 0) await this.letGo();
      else await this.kill();
      await this.admin.stop();
      throw error;
    }
  }

  /** What an earlier primary has left: planes with their ports, the sockets that they accept from, what was known of servers. */
  private async adopt(): Promise<void> {
    const { survivors } = this.succession;
    const planes = survivors.filter(({ id }) => indexOfPlane(id) !== undefined);
    this.planes.adopt(planes);
    for (const [name, handle] of await this.succession.takeSockets(this.config.listeners))
      this.sockets.adopt(name, handle);
    const { kept } = sortPlanes(planes, this.config, this.lineage.release);
    const [known] = [...kept.values(), ...planes];
    if (known !== undefined) this.backends.restore((known.state as FoundPlane).backends, kept.size > 0);
    this.backends.adopt(survivors.filter((survivor) => !planes.includes(survivor)));
  }

  private handleServers(state: BackendState): void {
    this.planes.broadcast({ type: 'backend', backend: state });
    this.engines.apply(state);
  }

  /** Log files were moved away: every plane goes on in new ones of the same names. */
  reopenLogs(): void {
    this.planes.broadcast({ type: 'reopen-logs' });
  }

  /** What the config file holds now becomes what runs. Undefined without a file. */
  reload(): Promise<ConfigChange> | undefined {
    return this.file?.reload();
  }

  // The end

  /** Stops accepting, finishes what is open within the drain time-out, stops the workers. Idempotent. */
  stop(): Promise<void> {
    this.stopping ??= this.drain();
    return this.stopping;
  }

  private async drain(): Promise<void> {
    const { drainTimeoutMs } = this.config;
    const told = this.drainNotice.finish();
    this.file?.stop();
    await Promise.all([this.reloader.stop(), this.acme.stop()]);
    await told;
    this.sockets.close();
    await Promise.all([this.planes.stop(drainTimeoutMs), this.engines.drain(drainTimeoutMs)]);
    await this.backends.stop(drainTimeoutMs);
    this.shortages.stop();
    this.tls.stop();
    this.system.stop();
    await this.sources.stop();
    await this.admin.stop();
    this.succession.close();
  }

  /** Everything that serves goes on, for another primary: nothing is stopped but what this process does itself. */
  async letGo(): Promise<void> {
    this.drainNotice.end();
    this.file?.stop();
    await Promise.all([this.reloader.stop(), this.acme.stop()]);
    this.sockets.close();
    this.planes.letGo();
    this.backends.letGo();
    this.shortages.stop();
    this.tls.stop();
    this.system.stop();
    await this.admin.stop();
    await this.engines.letGo();
    await this.sources.letGo();
    this.succession.close();
  }

  /** Ends every child at once; resolves when claimed addresses have been let go. */
  async kill(): Promise<void> {
    this.sockets.close();
    this.file?.stop();
    void this.acme.stop();
    this.planes.kill();
    this.backends.kill();
    this.shortages.stop();
    this.tls.stop();
    this.system.stop();
    await this.engines.stop();
    await this.sources.stop();
    this.succession.close();
  }
}
