import { isDeepStrictEqual } from 'node:util';
import type { ServerChange, ServerWish } from '../admin/admin-source.ts';
import type { BackendConfig } from '../config/config.ts';
import { parseServerAddress } from '../config/server-address.ts';
import { idOf } from '../config/server-id.ts';
import type { Clock } from '../lb/clock.ts';
import type { BackendState, ServerState } from '../lb/control/messages.ts';
import { isAvailable } from '../lb/health/availability.ts';
import { HealthChecker } from '../lb/health/health-checker.ts';
import type { ProbeResult, ProbeTarget } from '../lb/health/probe.ts';
import { type WantedServer, wantedServers } from './wanted-servers.ts';

interface Entry {
  state: ServerState;
  checker: HealthChecker | undefined;
}

export interface ServerRegistryDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** What a name stands for now, for servers that are reached from the pool. Absent: nothing is looked up. */
  readonly addressesOf?: (pool: string, name: string) => readonly string[];
  readonly probe: (target: ProbeTarget, backend: BackendConfig) => Promise<ProbeResult>;
  /** The state of the backend changed: planes have to hear of it. */
  readonly onChange: (state: BackendState) => void;
  readonly onVerdict: (backend: string, server: string, isHealthy: boolean, reason: string) => void;
}

interface StateOf {
  readonly state?: ServerState['admin'];
}

const UNCHECKED = 'not checked yet';

/**
 * The servers of one backend, their health, and what the operator wants of them. Workers come and go as they start and die. What the
 * operator changes lasts until Portico stops, or until another config says otherwise of the same thing.
 */
export class ServerRegistry {
  config: BackendConfig;
  private readonly deps: ServerRegistryDeps;
  private readonly entries = new Map<string, Entry>();
  /** What an earlier primary knew of servers that are still to come here. */
  private readonly restored = new Map<string, ServerState>();
  private readonly awaited = new Map<string, () => void>();
  private isSame = false;
  /** A config that may come into force. */
  private upcoming: BackendConfig | undefined = undefined;
  private isQuiet = false;

  constructor(deps: ServerRegistryDeps, config: BackendConfig) {
    this.deps = deps;
    this.config = config;
  }

  get state(): BackendState {
    return { name: this.config.name, servers: [...this.entries.values()].map((entry) => entry.state) };
  }

  get hasAvailable(): boolean {
    return [...this.entries.values()].some(({ state }) => isAvailable(state, false));
  }

  /**
   * As an earlier primary left it, for the servers that come with `start` and later. `isSame`: by the same config, so that what was changed
   * at run time holds; else only what was found out and what the operator wants of a server.
   */
  restore(state: BackendState, isSame: boolean): void {
    this.isSame = isSame;
    for (const server of state.servers) this.restored.set(server.id, server);
  }

  start(): void {
    const { servers, workers } = this.config;
    if (this.isSame && workers === undefined) {
      for (const { admin, ...server } of [...this.restored.values()]) this.addWanted({ ...server, state: admin });
    } else {
      for (const server of servers) this.addWanted(server);
    }
    this.followNames();
  }

  private addWanted({ host, port, weight, backup, state, name }: Omit<WantedServer, 'state'> & StateOf): string {
    return this.add(host, port, weight, backup, state, name);
  }

  /** Returns the id of the server. */
  add(
    host: string,
    port: number,
    weight = 1,
    backup = false,
    admin: ServerState['admin'] = 'ready',
    name?: string,
  ): string {
    const id = idOf(host, port);
    const checker = this.createChecker(id, { host, port, name });
    // What is checked is not healthy before its first check; what is not checked always is.
    const health = checker === undefined ? { healthy: true } : { healthy: false, reason: UNCHECKED };
    const state = this.asBefore(
      { id, host, port, ...(name === undefined ? {} : { name }), weight, backup, admin, ...health },
      checker !== undefined,
    );
    this.entries.set(id, { state, checker });
    if (state.admin !== 'maintenance') checker?.start();
    this.tellOfChange();
    return id;
  }

  private tellOfChange(): void {
    if (!this.isQuiet) this.deps.onChange(this.state);
  }

  private asBefore(state: ServerState, isChecked: boolean): ServerState {
    const before = this.restored.get(state.id);
    if (before === undefined) return state;
    this.restored.delete(state.id);
    const { reason: _, ...rest } = state;
    const { healthy, reason, admin, weight } = before;
    const found = { ...rest, admin, weight: this.isSame ? weight : rest.weight };
    if (!isChecked) return { ...found, healthy: true };
    return { ...found, healthy, ...(reason === undefined ? {} : { reason }) };
  }

  private createChecker(
    id: string,
    server: { readonly host: string; readonly port: number; readonly name?: string | undefined },
  ): HealthChecker | undefined {
    const { health, name } = this.config;
    if (health === undefined) return undefined;
    const { clock, random } = this.deps;
    const probe = (target: ProbeTarget): Promise<ProbeResult> => this.deps.probe(target, this.config);
    const onVerdict = (isHealthy: boolean, reason: string): void => {
      const entry = this.entries.get(id);
      if (entry === undefined) return;
      const { reason: _, ...state } = entry.state;
      entry.state = { ...state, healthy: isHealthy, ...(isHealthy ? {} : { reason }) };
      this.deps.onVerdict(name, id, isHealthy, reason);
      this.tellOfChange();
      if (isHealthy) this.tell(id);
      this.dropUnnamed();
    };
    return new HealthChecker({ clock, random, probe, onVerdict }, { health, ...server });
  }

  /** Calls `fn` once the server is healthy: at once if it is, never if it goes before. */
  onceHealthy(id: string, fn: () => void): void {
    this.awaited.set(id, fn);
    if (this.entries.get(id)?.state.healthy === true) this.tell(id);
  }

  private tell(id: string): void {
    const fn = this.awaited.get(id);
    this.awaited.delete(id);
    fn?.();
  }

  remove(id: string): void {
    this.awaited.delete(id);
    this.entries.get(id)?.checker?.stop();
    if (this.entries.delete(id)) this.tellOfChange();
  }

  stop(): void {
    for (const { checker } of this.entries.values()) checker?.stop();
  }

  // Names

  private wantedBy(config: BackendConfig): ReadonlyMap<string, WantedServer> {
    return wantedServers(config, (name) => this.deps.addressesOf?.(config.source, name) ?? []);
  }

  /** Of the config in force and of the one that may be next. */
  private get wanted(): ReadonlyMap<string, WantedServer> {
    const next = this.upcoming === undefined ? [] : this.wantedBy(this.upcoming);
    return new Map([...next, ...this.wantedBy(this.config)]);
  }

  hasName(name: string): boolean {
    return [this.config, this.upcoming].some((config) => config?.names?.some((each) => each.name === name) === true);
  }

  /** Names may stand for other addresses than before: what is new comes, what is gone goes. Those that stay are not touched. */
  followNames(): void {
    this.isQuiet = true;
    const before = [...this.entries.keys()];
    for (const [id, server] of this.wanted) {
      if (server.name !== undefined && !this.entries.has(id)) this.addWanted(server);
    }
    this.isQuiet = false;
    if (this.entries.size > before.length) this.tellOfChange();
    this.dropUnnamed();
  }

  /** Addresses that no name has any more go; one that gets requests stays until another server can take them. */
  private dropUnnamed(): void {
    const named = [...this.entries.values()].filter(({ state }) => state.name !== undefined);
    if (named.length === 0) return;
    const { wanted } = this;
    const gone = named.filter(({ state }) => !wanted.has(state.id));
    if (gone.length === 0) return;
    const areReplaced = this.hasAvailableBut(new Set(gone.map(({ state }) => state.id)));
    const leaving = gone.filter(({ state }) => areReplaced || !isAvailable(state, false));
    this.isQuiet = true;
    for (const { state } of leaving) this.remove(state.id);
    this.isQuiet = false;
    if (leaving.length > 0) this.tellOfChange();
  }

  // Another config

  /** Adds the servers that `next` has and the config had not, before it is in force. Returns their ids. */
  introduce(next: BackendConfig): readonly string[] {
    this.upcoming = next;
    const known = this.wantedBy(this.config);
    return [...this.wantedBy(next)]
      .filter(([id]) => !known.has(id) && !this.entries.has(id))
      .map(([, server]) => this.addWanted(server));
  }

  /** The config that was introduced does not come, and its servers go. */
  withdraw(introduced: readonly string[]): void {
    this.upcoming = undefined;
    for (const id of introduced) this.remove(id);
    this.dropUnnamed();
  }

  /** Servers that leave with `next`. */
  leavingBy(next: BackendConfig): ReadonlySet<string> {
    const kept = this.wantedBy(next);
    return new Set([...this.wantedBy(this.config).keys()].filter((id) => !kept.has(id)));
  }

  hasAvailableBut(leaving: ReadonlySet<string>): boolean {
    return [...this.entries.values()].some(({ state }) => isAvailable(state, false) && !leaving.has(state.id));
  }

  /**
   * `next` is in force. What it says of a server as the config before did leaves alone what was changed at run time: a server that was added
   * stays, one that was removed stays away, and weights and states stay as they were set.
   */
  configure(next: BackendConfig): void {
    const before = this.config;
    const leaving = this.leavingBy(next);
    const known = this.wantedBy(before);
    this.config = next;
    this.upcoming = undefined;
    for (const id of leaving) {
      this.entries.get(id)?.checker?.stop();
      this.entries.delete(id);
    }
    for (const [id, server] of this.wantedBy(next)) this.adjust(id, known.get(id), server);
    if (!isDeepStrictEqual(before.health, next.health)) this.checkAnew();
    this.tellOfChange();
    this.followNames();
  }

  private adjust(id: string, before: WantedServer | undefined, server: WantedServer): void {
    const { weight, backup, state = 'ready', name } = server;
    const entry = this.entries.get(id);
    if (entry === undefined || before === undefined) return;
    if (before.name !== name) {
      const { name: _, ...rest } = entry.state;
      entry.state = { ...rest, ...(name === undefined ? {} : { name }) };
    }
    if (before.weight !== weight) entry.state = { ...entry.state, weight };
    if (before.backup !== backup) entry.state = { ...entry.state, backup };
    if ((before.state ?? 'ready') !== state) this.setAdmin(entry, state);
  }

  /** Checks in another way; what is known of a server holds until the checks say otherwise. */
  private checkAnew(): void {
    for (const [id, entry] of this.entries) {
      const { admin, healthy, reason } = entry.state;
      entry.checker?.stop();
      entry.checker = this.createChecker(id, entry.state);
      if (entry.checker === undefined) {
        const { reason: _, ...state } = entry.state;
        entry.state = { ...state, healthy: true };
        this.tell(id);
      } else if (admin !== 'maintenance') {
        entry.checker.start(reason === UNCHECKED ? undefined : healthy);
      }
    }
  }

  // For the operator

  change(id: string, { state, weight }: ServerWish): ServerChange {
    const entry = this.entries.get(id);
    if (entry === undefined) return this.noServer(id);
    if (weight !== undefined) entry.state = { ...entry.state, weight };
    if (state !== undefined) this.setAdmin(entry, state);
    this.tellOfChange();
    this.dropUnnamed();
    return { ok: true, server: entry.state };
  }

  /** A server in maintenance may be anything, so it is not checked; once it is back, it is as unknown as a new one. */
  private setAdmin(entry: Entry, admin: ServerState['admin']): void {
    const wasPaused = entry.state.admin === 'maintenance';
    entry.state = { ...entry.state, admin };
    const { checker } = entry;
    if (checker === undefined || wasPaused === (admin === 'maintenance')) return;
    if (wasPaused) {
      entry.state = { ...entry.state, healthy: false, reason: UNCHECKED };
      checker.start();
    } else {
      checker.stop();
    }
  }

  addServer(address: string, weight: number, backup: boolean): ServerChange {
    if (this.config.workers !== undefined) return this.onlyWorkers();
    const parsed = parseServerAddress(address);
    if (parsed?.kind === 'name' && parsed.port !== 0) {
      return { ok: false, reason: 'invalid', detail: `${address} is a name; names come by the config file alone.` };
    }
    if (parsed?.kind !== 'address' || parsed.port === 0) {
      return { ok: false, reason: 'invalid', detail: `"${address}" is not an address and port such as 10.0.0.5:9001.` };
    }
    const { host, port } = parsed;
    if (this.entries.has(idOf(host, port))) {
      return { ok: false, reason: 'exists', detail: `${idOf(host, port)} is a server of ${this.config.name} already.` };
    }
    return { ok: true, server: this.entries.get(this.add(host, port, weight, backup))!.state };
  }

  /** What is under way there is finished. */
  removeServer(id: string): ServerChange {
    if (this.config.workers !== undefined) return this.onlyWorkers();
    const entry = this.entries.get(id);
    if (entry === undefined) return this.noServer(id);
    const { name } = entry.state;
    if (name !== undefined) {
      const detail = `${id} is an address of ${name}, and would come again; set its state to maintenance, or change what DNS has for ${name}.`;
      return { ok: false, reason: 'named', detail };
    }
    if (this.entries.size === 1) {
      const detail = `${id} is the last server of ${this.config.name}; set its state to maintenance instead.`;
      return { ok: false, reason: 'last', detail };
    }
    this.remove(id);
    return { ok: true, server: entry.state };
  }

  private noServer(id: string): ServerChange {
    return { ok: false, reason: 'no-server', detail: `Backend ${this.config.name} has no server ${id}.` };
  }

  private onlyWorkers(): ServerChange {
    const detail = `The servers of ${this.config.name} are workers that Portico runs; it adds and removes them itself.`;
    return { ok: false, reason: 'workers', detail };
  }
}
