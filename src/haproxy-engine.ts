import { join } from 'node:path';
import type { BackendConfig, Config } from '../config/config.ts';
import type { Timer } from '../lb/clock.ts';
import type { PlaneCommand } from '../lb/control/messages.ts';
import type { Engine, EngineSnapshot } from '../lb/engine/engine.ts';
import { CounterSums } from '../lb/haproxy/counter-sums.ts';
import { haproxyConfig } from '../lb/haproxy/haproxy-config.ts';
import { type HaproxyPlan, type HaproxyServer, proxiesOf, type SourceRun } from '../lb/haproxy/haproxy-plan.ts';
import { HaproxyPorts } from '../lb/haproxy/haproxy-ports.ts';
import { haproxyReport } from '../lb/haproxy/haproxy-report.ts';
import { PortShortages } from '../lb/haproxy/port-shortages.ts';
import { checkName, haproxyLines } from '../lb/haproxy/server-lines.ts';
import { serversOfConfig } from '../lb/haproxy/servers-of-config.ts';
import { readStat, type StatRow } from '../lb/haproxy/stat-table.ts';
import { swapCertificate } from '../lb/haproxy/swap-certificate.ts';
import type { ReadTls } from '../lb/haproxy/tls-files.ts';
import type { ProbeResult } from '../lb/health/probe.ts';
import type { TrafficMetrics } from '../lb/metrics/plane-metrics.ts';
import type { PortUse } from '../lb/source/port-use.ts';
import { HaproxyDemand } from './haproxy-demand.ts';
import { HaproxyFormer } from './haproxy-former.ts';
import { HaproxyProcess } from './haproxy-process.ts';
import { HaproxySockets } from './haproxy-sockets.ts';
import { HaproxySteering } from './haproxy-steering.ts';
import type { KernelEngineDeps } from './kernel-engine.ts';

/** The owner of the ports that HAProxy connects from. */
export const HAPROXY = 'haproxy';
const LOOK_MS = 200;
/** Changes that come together are one reload. */
const SETTLE_MS = 50;
const RETRY_MS = 2000;
/** At a reload the master executes itself anew, and does not listen for a moment. */
const MISSES = 3;

export interface HaproxyEngineDeps extends KernelEngineDeps {
  readonly command: string;
  readonly directory: string;
  /** Certificates as they were read last; another object when they have changed. */
  readonly tls: () => ReadTls;
  /** Processes that share the machine: HAProxy gets a thread for each. */
  readonly planes: () => number;
}

/**
 * Listeners that an HAProxy forwards for. It gets a configuration in which every source of every server is a line of its own, and is told by its
 * runtime socket what changes: weights by free ports, servers that drain, ports that come. What it cannot be told is a reload. Where it is not
 * there, or does not start, that is said, and tried again; the other listeners go on.
 */
export class HaproxyEngine implements Engine {
  private readonly deps: HaproxyEngineDeps;
  private readonly config: Config;
  private readonly process: HaproxyProcess;
  private readonly ports = new HaproxyPorts();
  private readonly demand: HaproxyDemand;
  private readonly sockets = new HaproxySockets();
  private readonly steering: HaproxySteering;
  private readonly sums = new CounterSums();
  private readonly shortages = new PortShortages();
  private readonly former: HaproxyFormer;
  private snapshot: EngineSnapshot = { listeners: [], backends: [], states: [] };
  private rows: readonly StatRow[] = [];
  private built = '';
  private tls: ReadTls;
  private isUp = false;
  private isStarted = false;
  private isBusy = false;
  private isStopped = false;
  private looking: Timer | undefined = undefined;
  private settling: Timer | undefined = undefined;
  /** It was started anew, with a configuration that may be older than the one that was written since. */
  private hasDied = false;
  private toldTrouble: string | undefined = undefined;
  private reloads = 0;
  /** Looks in a row that came to nothing. */
  private misses = 0;

  constructor(deps: HaproxyEngineDeps, config: Config) {
    this.deps = deps;
    this.config = config;
    this.tls = deps.tls();
    this.demand = new HaproxyDemand({ ...deps, owner: HAPROXY, ports: this.ports });
    this.process = new HaproxyProcess({
      ...deps,
      onUp: () => this.handleUp(),
      onDeath: (cause, delayMs) => {
        this.isUp = false;
        this.hasDied = true;
        this.former.clear();
        deps.log.emit({ type: 'plane-died', plane: HAPROXY, cause, restartInMs: Math.round(delayMs) });
        // Ports of its connections rest with the kernel: the next one is not to begin with them.
        void this.rewrite();
      },
      onAlert: (line) => this.tell(line),
    });
    this.former = new HaproxyFormer(this.sums, (worker) => this.process.statOf(worker));
    this.steering = new HaproxySteering({
      clock: deps.clock,
      socket: this.process.socket,
      sockets: this.sockets,
      ports: this.ports,
      demand: this.demand,
      serversOf: (backend) => this.serversOf(backend),
      linesOf: (runs) => haproxyLines(this.plan(runs), { withChecks: false }).lines,
      places: () => this.tls.places,
      tell: (message) => this.tell(message),
      needReload: () => this.soon(),
    });
  }

  /** Never rejects: what is wrong is said, and tried again. */
  async start(snapshot: EngineSnapshot): Promise<void> {
    this.snapshot = snapshot;
    this.ports.update(this.deps.sources());
    this.demand.takeFirst(this.config, this.poolsInUse);
    this.looking = this.deps.clock.every(LOOK_MS, () => void this.look());
    await this.bringUp();
  }

  private get poolsInUse(): readonly string[] {
    return [...new Set(proxiesOf(this.snapshot).map(({ backend }) => backend.source))];
  }

  private async bringUp(): Promise<void> {
    if (this.isStopped || this.isStarted || this.isBusy) return;
    this.isBusy = true;
    try {
      await this.process.check();
      await this.write();
      this.isStarted = true;
      await this.process.start();
    } catch (error) {
      this.tell((error as Error).message);
      if (!this.isStarted) this.deps.clock.after(RETRY_MS, () => void this.bringUp());
    }
    this.isBusy = false;
  }

  private handleUp(): void {
    this.isUp = true;
    this.toldTrouble = undefined;
    this.deps.log.emit({ type: 'plane-ready', plane: HAPROXY });
    if (this.hasDied || this.built !== this.structure()) this.soon();
    this.hasDied = false;
  }

  /** What lasts is told once. */
  private tell(message: string): void {
    if (message === this.toldTrouble) return;
    this.toldTrouble = message;
    this.deps.log.emit({ type: 'notice', message });
  }

  private plan(runs: readonly SourceRun[]): HaproxyPlan {
    const { listeners, backends } = this.snapshot;
    const servers = new Map(backends.map((backend) => [backend.name, this.serversOf(backend)]));
    return {
      listeners,
      backends,
      servers,
      pools: this.deps.pools(),
      runs,
      threads: this.threads,
      tls: this.tls.places,
    };
  }

  /** Before the first word on its servers a backend has those of the file. */
  private serversOf(backend: BackendConfig): readonly HaproxyServer[] {
    const servers = this.snapshot.states.find(({ name }) => name === backend.name)?.servers ?? [];
    return servers.length > 0 ? servers : serversOfConfig(backend);
  }

  /** No more than HAProxy is built for (MAX_THREADS). */
  private get threads(): number {
    return Math.min(64, this.deps.planes());
  }

  /** For the next start or reload; returns the way back to the lines before. What is left out of it is a port that some connection is on. */
  private async write(): Promise<() => void> {
    this.tls = this.deps.tls();
    this.built = this.structure();
    const busy = await this.sockets.busy(this.ports.addresses);
    const plan = this.plan(this.ports.runs(busy, [], { most: this.demand.mostPorts }));
    const { text, lines, checks } = haproxyConfig(plan, {
      socket: this.process.socket.path,
      stateFile: this.process.files.state,
      comments: ['Written by Portico, which steers it. Changes are overwritten.'],
    });
    await this.process.write(text, this.tls.files);
    return this.steering.replace({ lines, checks });
  }

  /** What only a reload can change. */
  private structure(): string {
    const { listeners } = this.snapshot;
    const proxies = proxiesOf(this.snapshot);
    const servers = proxies.map(({ backend }) => this.serversOf(backend).map(({ id, backup }) => [id, backup]));
    // Another pair of the same name can be handed over while HAProxy runs.
    const names = this.deps.tls().files.map(({ name }) => name);
    return JSON.stringify([listeners, proxies.map(({ backend }) => backend), servers, this.threads, names]);
  }

  apply(snapshot: EngineSnapshot): void {
    if (this.isStopped) return;
    this.snapshot = snapshot;
    if (this.built !== this.structure()) this.soon();
  }

  private soon(delayMs = SETTLE_MS): void {
    if (!this.isUp || this.isStopped) return;
    this.deps.clock.clear(this.settling);
    this.settling = this.deps.clock.after(delayMs, () => void this.reload());
  }

  private async rewrite(): Promise<void> {
    // A reload that is under way fails, and is tried again.
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      await this.write();
    } catch (error) {
      this.tell((error as Error).message);
    }
    this.isBusy = false;
  }

  private async reload(): Promise<void> {
    if (this.isBusy) {
      this.soon();
      return;
    }
    this.isBusy = true;
    let giveUp = (): void => {};
    try {
      await this.readStat();
      giveUp = await this.write();
      this.former.add(await this.process.reload());
      this.sums.retain(new Set(this.steering.lines.map(({ line }) => `${line.proxy.name} ${checkName(line.server)}`)));
      this.reloads++;
      this.toldTrouble = undefined;
    } catch (error) {
      giveUp();
      this.tell((error as Error).message);
      this.deps.clock.after(RETRY_MS, () => this.soon());
    }
    this.isBusy = false;
    if (this.built !== this.structure()) this.soon();
  }

  private async readStat(): Promise<void> {
    this.rows = readStat(await this.process.socket.ask('show stat'));
    this.sums.read(this.rows);
    await this.former.read();
    this.steering.readUse(this.rows, this.sums);
    this.shortages.read(proxiesOf(this.snapshot), this.rows, this.sums, this.steering.lines);
  }

  private async look(): Promise<void> {
    if (!this.isUp || this.isBusy || this.isStopped) return;
    this.isBusy = true;
    try {
      await this.readStat();
      if (this.built !== this.structure()) this.soon();
      else {
        await this.swapCertificates();
        await this.steering.regain();
      }
      await this.steering.steer();
      this.misses = 0;
    } catch (error) {
      // Its end is told by itself.
      if (++this.misses >= MISSES && this.isUp && !this.isStopped) this.tell((error as Error).message);
    }
    this.isBusy = false;
  }

  /** Those that were written anew. What HAProxy does not take that way is a reload. */
  private async swapCertificates(): Promise<void> {
    const next = this.deps.tls();
    if (next === this.tls) return;
    const known = new Map(this.tls.files.map(({ name, text }) => [name, text]));
    this.tls = next;
    const { files, socket } = this.process;
    for (const file of next.files) {
      if (known.get(file.name) === file.text) continue;
      files.writeTls([file]);
      const complaint = await swapCertificate(socket, join(files.tls, file.name), file.text);
      if (complaint !== undefined) {
        this.tell(`HAProxy is reloaded, as it does not take a certificate otherwise: ${complaint}`);
        this.soon();
      }
    }
  }

  /** From the primary's part in ports. */
  onCommand(command: PlaneCommand): void {
    if (command.type === 'grant') this.demand.onGrant(command.blocks);
    else if (command.type === 'sources') this.handleSources(command.sources);
    else if (command.type === 'wanted') this.demand.setWanted(command.pool, command.isWanted);
  }

  private handleSources(updates: Parameters<HaproxyPorts['update']>[0]): void {
    const readyBefore = updates.filter(({ pool, address }) => this.ports.stateOf(pool, address) === 'ready').length;
    this.ports.update(updates);
    const ready = updates.filter(({ state }) => state === 'ready').length;
    if (ready !== readyBefore) this.demand.hasNew = true;
    const pools = this.poolsInUse;
    for (const { pool, address, state } of updates) {
      if (state === 'ready' && pools.includes(pool) && !this.ports.hasAnyOf(pool, address)) {
        this.demand.takeNew(this.config, pool);
      }
    }
    if (this.steering.checksAreStranded) this.soon();
  }

  counters(): TrafficMetrics {
    return haproxyReport({
      listeners: this.snapshot.listeners,
      proxies: proxiesOf(this.snapshot),
      states: this.isUp ? this.steering.lines : [],
      rows: this.isUp ? this.rows : [],
      formerRows: this.former.rows,
      sums: this.sums,
      exhausted: this.shortages.exhausted,
      drift: { 'haproxy-reloads': this.reloads },
    });
  }

  /** What the checks of HAProxy say of a server; nothing where it has not checked it. */
  verdictOn(backend: string, server: string): ProbeResult {
    const row = this.rows.find(({ proxy, name }) => proxy === `ck_${backend}` && name === server);
    const status = row?.text('status') ?? '';
    const found = row?.text('check_status') ?? '';
    if (!this.isUp || row === undefined || found === '' || found.startsWith('INI')) {
      return { outcome: 'inconclusive', reason: 'HAProxy has not checked it yet' };
    }
    if (status.startsWith('UP')) return { outcome: 'passed' };
    return { outcome: 'failed', reason: row.text('last_chk') || row.text('check_desc') || found };
  }

  portUse(filter: { readonly source?: string; readonly destination?: string }): Promise<readonly PortUse[]> {
    return this.sockets.use(
      this.ports,
      this.steering.lines.map(({ line }) => line),
      filter,
    );
  }

  get status(): {
    readonly id: string;
    readonly pid: number | undefined;
    readonly ready: boolean;
    readonly restarts: number;
  } {
    return { id: HAPROXY, pid: this.process.pid, ready: this.isUp, restarts: this.process.restarts };
  }

  private end(): void {
    this.isStopped = true;
    this.deps.clock.clear(this.looking);
    this.deps.clock.clear(this.settling);
  }

  async drain(): Promise<void> {
    this.end();
    await this.process.drain();
  }

  async stop(): Promise<void> {
    this.end();
    await this.process.stop();
    this.sockets.close();
  }

  letGo(): void {
    this.end();
    this.process.letGo();
    this.sockets.close();
  }
}
