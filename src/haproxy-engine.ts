import type { BackendConfig, Config } from '../config/config.ts';
import type { Timer } from '../lb/clock.ts';
import type { PlaneCommand } from '../lb/control/messages.ts';
import type { Engine, EngineSnapshot } from '../lb/engine/engine.ts';
import { CounterSums } from '../lb/haproxy/counter-sums.ts';
import { haproxyConfig } from '../lb/haproxy/haproxy-config.ts';
import { type HaproxyPlan, type HaproxyServer, proxiesOf, type SourceRun } from '../lb/haproxy/haproxy-plan.ts';
import { type BusyPorts, HaproxyPorts } from '../lb/haproxy/haproxy-ports.ts';
import { haproxyReport } from '../lb/haproxy/haproxy-report.ts';
import { type LineState, lineKey, readUse, steer } from '../lb/haproxy/line-steering.ts';
import { haproxyLines, type ServerLine, serverWords } from '../lb/haproxy/server-lines.ts';
import { serversOfConfig } from '../lb/haproxy/servers-of-config.ts';
import { readStat, type StatRow } from '../lb/haproxy/stat-table.ts';
import type { ProbeResult } from '../lb/health/probe.ts';
import type { TrafficMetrics } from '../lb/metrics/plane-metrics.ts';
import type { PortUse } from '../lb/source/port-use.ts';
import { HaproxyDemand } from './haproxy-demand.ts';
import { HaproxyProcess } from './haproxy-process.ts';
import { HaproxySockets } from './haproxy-sockets.ts';
import type { KernelEngineDeps } from './kernel-engine.ts';

/** The owner of the ports that HAProxy connects from. */
export const HAPROXY = 'haproxy';
const LOOK_MS = 200;
/** Changes that come together are one reload. */
const SETTLE_MS = 50;
const RETRY_MS = 2000;
/** A configuration with more ports than before is worth a reload where its lines cannot be added at run time. */
const REGAIN_MS = 5000;

export interface HaproxyEngineDeps extends KernelEngineDeps {
  readonly command: string;
  readonly directory: string;
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
  private readonly sums = new CounterSums();
  private snapshot: EngineSnapshot = { listeners: [], backends: [], states: [] };
  private states = new Map<string, LineState>();
  /** Ports that checks connect from. */
  private checkRuns: readonly SourceRun[] = [];
  private rows: readonly StatRow[] = [];
  private built = '';
  private isUp = false;
  private isStarted = false;
  private isBusy = false;
  private isStopped = false;
  private looking: Timer | undefined = undefined;
  private settling: Timer | undefined = undefined;
  private regainAtMs = 0;
  private toldTrouble: string | undefined = undefined;
  private reloads = 0;

  constructor(deps: HaproxyEngineDeps, config: Config) {
    this.deps = deps;
    this.config = config;
    this.demand = new HaproxyDemand({ ...deps, owner: HAPROXY, ports: this.ports });
    this.process = new HaproxyProcess({
      ...deps,
      onUp: () => this.handleUp(),
      onDeath: (cause, delayMs) => {
        this.isUp = false;
        this.sums.restart();
        deps.log.emit({ type: 'plane-died', plane: HAPROXY, cause, restartInMs: Math.round(delayMs) });
        // Ports of its connections rest with the kernel: the next one is not to begin with them.
        void this.rewrite();
      },
      onAlert: (line) => this.tell(line),
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
      await this.process.write(await this.build());
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
    if (this.built !== this.structure()) this.soon();
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
    return { listeners, backends, servers, pools: this.deps.pools(), runs, threads: this.config.planes };
  }

  /** Before the first word on its servers a backend has those of the file. */
  private serversOf(backend: BackendConfig): readonly HaproxyServer[] {
    const servers = this.snapshot.states.find(({ name }) => name === backend.name)?.servers ?? [];
    return servers.length > 0 ? servers : serversOfConfig(backend);
  }

  /** The text for the next start or reload. What is left out of it is a port that some connection is on. */
  private async build(): Promise<string> {
    this.built = this.structure();
    const busy = await this.sockets.busy(this.ports.addresses);
    const plan = this.plan(this.ports.runs(busy, [], { most: this.demand.mostPorts }));
    const { text, lines, checks } = haproxyConfig(plan, {
      socket: this.process.socketPath,
      stateFile: this.process.stateFile,
      comments: ['Written by Portico, which steers it. Changes are overwritten.'],
    });
    this.states = new Map(lines.map((line) => [lineKey(line), stateOf(line)]));
    this.checkRuns = checks.flatMap(({ run }) => (run === undefined ? [] : [run]));
    return text;
  }

  /** What only a reload can change. */
  private structure(): string {
    const { listeners } = this.snapshot;
    const proxies = proxiesOf(this.snapshot);
    const servers = proxies.map(({ backend }) => this.serversOf(backend).map(({ id, backup }) => [id, backup]));
    return JSON.stringify([listeners, proxies.map(({ backend }) => backend), servers]);
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
    try {
      await this.process.write(await this.build());
    } catch (error) {
      this.tell((error as Error).message);
    }
  }

  private async reload(): Promise<void> {
    if (this.isBusy) {
      this.soon();
      return;
    }
    this.isBusy = true;
    const before = this.states;
    try {
      await this.readStat();
      await this.process.write(await this.build());
      await this.process.reload();
      this.sums.restart();
      this.reloads++;
      this.toldTrouble = undefined;
    } catch (error) {
      this.states = before;
      this.tell((error as Error).message);
      this.deps.clock.after(RETRY_MS, () => this.soon());
    }
    this.isBusy = false;
    if (this.built !== this.structure()) this.soon();
  }

  private async readStat(): Promise<void> {
    this.rows = readStat(await this.process.socket.ask('show stat'));
    this.sums.read(this.rows);
    readUse(this.states, this.rows);
  }

  private async look(): Promise<void> {
    if (!this.isUp || this.isBusy || this.isStopped) return;
    this.isBusy = true;
    try {
      await this.readStat();
      if (this.built === this.structure()) await this.regain();
      await this.retire();
      const commands = steer(this.states.values(), this.adminOf, this.weightOf);
      const complaints = await this.process.socket.tell(commands);
      if (complaints.length > 0) this.tell(`HAProxy does not do as it is told: ${complaints[0]}`);
      this.demand.look([...this.states.values()]);
    } catch (error) {
      // Its end is told by itself.
      if (this.isUp && !this.isStopped) this.tell((error as Error).message);
    }
    this.isBusy = false;
  }

  private readonly serverOf = ({ proxy, server }: ServerLine): HaproxyServer | undefined =>
    this.snapshot.states.find(({ name }) => name === proxy.backend.name)?.servers.find(({ id }) => id === server.id);

  private readonly adminOf = (line: ServerLine): LineState['admin'] => {
    const admin = this.serverOf(line)?.admin;
    const source = this.ports.stateOf(line.run.pool, line.run.address);
    if (admin === 'maintenance' || admin === undefined || source === 'blocked' || source === 'gone') return 'maint';
    return admin === 'drain' || source === 'leaving' || this.demand.isRetiring(line.run) ? 'drain' : 'ready';
  };

  private readonly weightOf = (line: ServerLine): number => this.serverOf(line)?.weight ?? 0;

  /** Ports that no line has: granted since, or of connections that have ended since. */
  private async regain(): Promise<void> {
    const nowMs = this.deps.clock.now();
    if (!this.demand.hasNew && nowMs < this.regainAtMs) return;
    this.regainAtMs = nowMs + REGAIN_MS;
    this.demand.hasNew = false;
    const covered = [...[...this.states.values()].map(({ line }) => line.run), ...this.checkRuns];
    const busy = await this.sockets.busy(this.ports.addresses);
    this.giveBackLeaving(busy, covered);
    const runs = this.ports.runs(busy, covered, { most: this.demand.mostPorts });
    if (runs.length === 0) return;
    const { lines } = haproxyLines(this.plan(runs), { withChecks: false });
    const isFixed = ({ proxy }: ServerLine): boolean => proxy.mode === 'http' && proxy.backend.sticky?.by === 'cookie';
    if (lines.some(isFixed)) {
      // 2.6 takes no cookie for a server that comes at run time.
      if (lines.some((line) => isFixed(line) && line.most >= 32)) this.soon();
      return;
    }
    const commands = lines.flatMap((line) => [
      `add server ${line.proxy.name}/${serverWords(line, { isDynamic: true })}`,
      `set server ${lineKey(line)} state ready`,
    ]);
    const complaints = await this.process.socket.tell(commands);
    if (complaints.length > 0) this.tell(`HAProxy did not take more ports: ${complaints[0]}`);
    for (const line of lines) this.states.set(lineKey(line), stateOf(line));
  }

  /** Lines from addresses that leave, and of ports that others want more, go when nothing is open on them any more. */
  private async retire(): Promise<void> {
    const runs = new Map<string, LineState[]>();
    for (const state of this.states.values()) {
      const { pool, address, first, last } = state.line.run;
      const key = `${pool} ${address} ${first} ${last}`;
      runs.set(key, [...(runs.get(key) ?? []), state]);
    }
    for (const states of runs.values()) {
      const { run } = states[0]!.line;
      const isLeaving = this.ports.stateOf(run.pool, run.address) === 'leaving' || this.demand.isRetiring(run);
      if (!isLeaving || states.some(({ used }) => used > 0)) continue;
      const keys = states.map(({ line }) => lineKey(line));
      const complaints = await this.process.socket.tell(
        keys.flatMap((key) => [`set server ${key} state maint`, `del server ${key}`]),
      );
      // A connection that has come meanwhile, or one that is kept idle: it goes next time.
      if (complaints.length > 0) continue;
      for (const key of keys) this.states.delete(key);
      this.demand.giveBack(run);
    }
  }

  /** What no line has of addresses that leave, once the last connection is gone, those of former workers too. */
  private giveBackLeaving(busy: BusyPorts, covered: readonly SourceRun[]): void {
    for (const run of this.ports.runs(busy, covered, { state: 'leaving' })) this.demand.giveBack(run);
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
    // Checks from an address that is not there would find every server down.
    const isAway = ({ pool, address }: SourceRun): boolean => this.ports.stateOf(pool, address) !== 'ready';
    if (this.checkRuns.some(isAway)) this.soon();
  }

  counters(): TrafficMetrics {
    return haproxyReport({
      listeners: this.snapshot.listeners,
      proxies: proxiesOf(this.snapshot),
      states: this.isUp ? [...this.states.values()] : [],
      rows: this.isUp ? this.rows : [],
      sums: this.sums,
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
      [...this.states.values()].map(({ line }) => line),
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
}

const stateOf = (line: ServerLine): LineState => ({
  line,
  weight: line.weight,
  admin: line.server.admin === 'maintenance' ? 'maint' : 'ready',
  used: 0,
  idle: 0,
});
