import { isDeepStrictEqual } from 'node:util';
import type { ServerChange, ServerWish } from '../admin/admin-source.ts';
import type { BackendConfig, ServerConfig } from '../config/config.ts';
import { parseEndpoint } from '../config/endpoint.ts';
import type { Clock } from '../lb/clock.ts';
import type { BackendState, ServerState } from '../lb/control/messages.ts';
import { isAvailable } from '../lb/health/availability.ts';
import { HealthChecker } from '../lb/health/health-checker.ts';
import type { ProbeResult, ProbeTarget } from '../lb/health/probe.ts';

interface Entry {
  state: ServerState;
  checker: HealthChecker | undefined;
}

export interface ServerRegistryDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly probe: (target: ProbeTarget, backend: BackendConfig) => Promise<ProbeResult>;
  /** The state of the backend changed: planes have to hear of it. */
  readonly onChange: (state: BackendState) => void;
  readonly onVerdict: (backend: string, server: string, isHealthy: boolean, reason: string) => void;
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
      for (const { host, port, weight, backup, admin } of [...this.restored.values()])
        this.add(host, port, weight, backup, admin);
      return;
    }
    for (const { host, port, weight, backup, state } of servers) this.add(host, port, weight, backup, state);
  }

  /** Returns the id of the server. */
  add(host: string, port: number, weight = 1, backup = false, admin: ServerState['admin'] = 'ready'): string {
    const id = idOf(host, port);
    const checker = this.createChecker(id, host, port);
    // What is checked is not healthy before its first check; what is not checked always is.
    const health = checker === undefined ? { healthy: true } : { healthy: false, reason: UNCHECKED };
    const state = this.asBefore({ id, host, port, weight, backup, admin, ...health }, checker !== undefined);
    this.entries.set(id, { state, checker });
    if (state.admin !== 'maintenance') checker?.start();
    this.deps.onChange(this.state);
    return id;
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

  private createChecker(id: string, host: string, port: number): HealthChecker | undefined {
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
      this.deps.onChange(this.state);
      if (isHealthy) this.tell(id);
    };
    return new HealthChecker({ clock, random, probe, onVerdict }, { health, host, port });
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
    if (this.entries.delete(id)) this.deps.onChange(this.state);
  }

  stop(): void {
    for (const { checker } of this.entries.values()) checker?.stop();
  }

  // Another config

  /** Adds the servers that `next` has and the config had not, before it is in force. Returns their ids. */
  introduce(next: BackendConfig): readonly string[] {
    const known = new Set(this.config.servers.map(keyOf));
    return next.servers
      .filter((server) => !known.has(keyOf(server)) && !this.entries.has(keyOf(server)))
      .map(({ host, port, weight, backup, state }) => this.add(host, port, weight, backup, state));
  }

  /** Servers that leave with `next`. */
  leavingBy(next: BackendConfig): ReadonlySet<string> {
    const kept = new Set(next.servers.map(keyOf));
    return new Set(this.config.servers.map(keyOf).filter((id) => !kept.has(id)));
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
    this.config = next;
    for (const id of leaving) {
      this.entries.get(id)?.checker?.stop();
      this.entries.delete(id);
    }
    const known = new Map(before.servers.map((server) => [keyOf(server), server]));
    for (const server of next.servers) this.adjust(known.get(keyOf(server)), server);
    if (!isDeepStrictEqual(before.health, next.health)) this.checkAnew();
    this.deps.onChange(this.state);
  }

  private adjust(before: ServerConfig | undefined, server: ServerConfig): void {
    const { weight, backup, state = 'ready' } = server;
    const entry = this.entries.get(keyOf(server));
    if (entry === undefined || before === undefined) return;
    if (before.weight !== weight) entry.state = { ...entry.state, weight };
    if (before.backup !== backup) entry.state = { ...entry.state, backup };
    if ((before.state ?? 'ready') !== state) this.setAdmin(entry, state);
  }

  /** Checks in another way; what is known of a server holds until the checks say otherwise. */
  private checkAnew(): void {
    for (const [id, entry] of this.entries) {
      const { host, port, admin, healthy, reason } = entry.state;
      entry.checker?.stop();
      entry.checker = this.createChecker(id, host, port);
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
    this.deps.onChange(this.state);
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
    const endpoint = parseEndpoint(address);
    if (endpoint === undefined || endpoint.port === 0) {
      return { ok: false, reason: 'invalid', detail: `"${address}" is not an address and port such as 10.0.0.5:9001.` };
    }
    const { host, port } = endpoint;
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

function idOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function keyOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return idOf(host, port);
}
