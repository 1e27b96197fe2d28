import type { BackendConfig } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import type { CounterSums } from '../lb/haproxy/counter-sums.ts';
import { FailingServers } from '../lb/haproxy/failing-servers.ts';
import type { HaproxyServer, SourceRun } from '../lb/haproxy/haproxy-plan.ts';
import type { BusyPorts, HaproxyPorts } from '../lb/haproxy/haproxy-ports.ts';
import { type LineState, lineKey, readUse, steer } from '../lb/haproxy/line-steering.ts';
import type { RuntimeSocket } from '../lb/haproxy/runtime-socket.ts';
import { type HaproxyLines, type ServerLine, serverWords } from '../lb/haproxy/server-lines.ts';
import type { StatRow } from '../lb/haproxy/stat-table.ts';
import type { TlsPlaces } from '../lb/haproxy/tls-files.ts';
import type { HaproxyDemand } from './haproxy-demand.ts';
import type { HaproxySockets } from './haproxy-sockets.ts';

/** How often ports of connections that have ended are looked for. */
const REGAIN_MS = 5000;
/** Fewer ports are not worth a reload where their lines cannot be added at run time. */
const WORTH_RELOAD = 32;

export interface HaproxySteeringDeps {
  readonly clock: Clock;
  readonly socket: RuntimeSocket;
  readonly sockets: HaproxySockets;
  readonly ports: HaproxyPorts;
  readonly demand: HaproxyDemand;
  /** As they are to be now; one that is not among them is leaving. */
  readonly serversOf: (backend: BackendConfig) => readonly HaproxyServer[];
  /** The lines that these ports make. */
  readonly linesOf: (runs: readonly SourceRun[]) => readonly ServerLine[];
  readonly places: () => TlsPlaces;
  readonly tell: (message: string) => void;
  /** Only a reload puts it right. */
  readonly needReload: () => void;
}

/** The lines that the running HAProxy has, and what it is told of them: weights, drains, ports that come and go. */
export class HaproxySteering {
  private readonly deps: HaproxySteeringDeps;
  private readonly failing = new FailingServers();
  private states = new Map<string, LineState>();
  /** Ports that checks connect from. */
  private checkRuns: readonly SourceRun[] = [];
  private regainAtMs = 0;

  constructor(deps: HaproxySteeringDeps) {
    this.deps = deps;
  }

  get lines(): readonly LineState[] {
    return [...this.states.values()];
  }

  /** Another configuration takes the place of the one before; returns the way back. */
  replace({ lines, checks }: HaproxyLines): () => void {
    const { states, checkRuns } = this;
    this.states = new Map(lines.map((line) => [lineKey(line), stateOf(line)]));
    this.checkRuns = checks.flatMap(({ run }) => (run === undefined ? [] : [run]));
    return () => {
      this.states = states;
      this.checkRuns = checkRuns;
    };
  }

  /** `sums`: `rows` are in them. */
  readUse(rows: readonly StatRow[], sums: CounterSums): void {
    readUse(this.states, rows);
    this.failing.read(this.states, sums);
  }

  /** Whether checks go out from an address that is not there: they would find every server down. */
  get checksAreStranded(): boolean {
    return this.checkRuns.some(({ pool, address }) => this.deps.ports.stateOf(pool, address) !== 'ready');
  }

  /** Rejects with HaproxySocketError. */
  async steer(): Promise<void> {
    const { socket, demand, tell } = this.deps;
    await this.retire();
    const complaints = await socket.tell(steer(this.states.values(), this.adminOf, this.weightOf));
    if (complaints.length > 0) tell(`HAProxy does not do as it is told: ${complaints[0]}`);
    demand.look(this.lines);
  }

  private readonly serverOf = ({ proxy, server }: ServerLine): HaproxyServer | undefined =>
    this.deps.serversOf(proxy.backend).find(({ id }) => id === server.id);

  private readonly adminOf = (line: ServerLine): LineState['admin'] => {
    const { ports, demand } = this.deps;
    const admin = this.serverOf(line)?.admin;
    const source = ports.stateOf(line.run.pool, line.run.address);
    if (admin === 'maintenance' || admin === undefined || source === 'blocked' || source === 'gone') return 'maint';
    return admin === 'drain' || source === 'leaving' || demand.isRetiring(line.run) ? 'drain' : 'ready';
  };

  private readonly weightOf = (line: ServerLine): number =>
    this.failing.rests(line) ? 0 : (this.serverOf(line)?.weight ?? 0);

  /** Gives lines to ports that none has: granted since, or of connections that have ended since. */
  async regain(): Promise<void> {
    const { clock, socket, sockets, ports, demand, linesOf, places, tell, needReload } = this.deps;
    const nowMs = clock.now();
    if (!demand.hasNew && nowMs < this.regainAtMs) return;
    this.regainAtMs = nowMs + REGAIN_MS;
    demand.hasNew = false;
    const covered = [...this.lines.map(({ line }) => line.run), ...this.checkRuns];
    const busy = await sockets.busy(ports.addresses);
    this.giveBackLeaving(busy, covered);
    const runs = ports.runs(busy, covered, { most: demand.mostPorts });
    if (runs.length === 0) return;
    const lines = linesOf(runs);
    const isFixed = ({ proxy }: ServerLine): boolean => proxy.mode === 'http' && proxy.backend.sticky?.by === 'cookie';
    if (lines.some(isFixed)) {
      // 2.6 takes no cookie for a server that comes at run time.
      if (lines.some((line) => isFixed(line) && line.most >= WORTH_RELOAD)) needReload();
      return;
    }
    const complaints = await socket.tell(
      lines.map((line) => `add server ${line.proxy.name}/${serverWords(line, places(), { isDynamic: true })}`),
    );
    // A server that is added waits in maintenance until it is told otherwise.
    for (const line of lines) this.states.set(lineKey(line), { ...stateOf(line), admin: 'maint' });
    if (complaints.length === 0) return;
    tell(`HAProxy did not take more ports: ${complaints[0]}`);
    needReload();
  }

  /** Lines from addresses that leave, and of ports that others want more, go when nothing is open on them any more. */
  private async retire(): Promise<void> {
    const { socket, ports, demand } = this.deps;
    const runs = new Map<string, LineState[]>();
    for (const state of this.states.values()) {
      const { pool, address, first, last } = state.line.run;
      const key = `${pool} ${address} ${first} ${last}`;
      runs.set(key, [...(runs.get(key) ?? []), state]);
    }
    for (const states of runs.values()) {
      const { run } = states[0]!.line;
      const isLeaving = ports.stateOf(run.pool, run.address) === 'leaving' || demand.isRetiring(run);
      if (!isLeaving || states.some(({ used }) => used > 0)) continue;
      const keys = states.map(({ line }) => lineKey(line));
      const complaints = await socket.tell(
        keys.flatMap((key) => [`set server ${key} state maint`, `del server ${key}`]),
      );
      // A connection that has come meanwhile, or one that is kept idle: it goes next time.
      if (complaints.length > 0) continue;
      for (const key of keys) this.states.delete(key);
      demand.giveBack(run);
    }
  }

  /** What no line has of addresses that leave, once the last connection is gone, those of former workers too. */
  private giveBackLeaving(busy: BusyPorts, covered: readonly SourceRun[]): void {
    const { ports, demand } = this.deps;
    for (const run of ports.runs(busy, covered, { state: 'leaving' })) demand.giveBack(run);
  }
}

const stateOf = (line: ServerLine): LineState => ({
  line,
  weight: line.weight,
  admin: line.server.admin === 'maintenance' ? 'maint' : 'ready',
  used: 0,
  idle: 0,
});
