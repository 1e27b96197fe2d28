import type { BackendConfig } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import type { BackendState, ServerState } from '../lb/control/messages.ts';
import { HealthChecker } from '../lb/health/health-checker.ts';
import type { ProbeResult, ProbeTarget } from '../lb/health/probe.ts';

interface Entry {
  state: ServerState;
  readonly checker: HealthChecker | undefined;
}

export interface ServerRegistryDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly probe: (target: ProbeTarget) => Promise<ProbeResult>;
  /** The state of the backend changed: planes have to hear of it. */
  readonly onChange: (state: BackendState) => void;
  readonly onVerdict: (backend: string, server: string, isHealthy: boolean, reason: string) => void;
}

/** The servers of one backend and their health. Workers come and go as they start and die. */
export class ServerRegistry {
  readonly config: BackendConfig;
  private readonly deps: ServerRegistryDeps;
  private readonly entries = new Map<string, Entry>();

  constructor(deps: ServerRegistryDeps, config: BackendConfig) {
    this.deps = deps;
    this.config = config;
  }

  get state(): BackendState {
    return { name: this.config.name, servers: [...this.entries.values()].map((entry) => entry.state) };
  }

  get hasAvailable(): boolean {
    return [...this.entries.values()].some(({ state }) => state.healthy && state.admin === 'ready');
  }

  start(): void {
    for (const { host, port, weight } of this.config.servers) this.add(host, port, weight);
  }

  /** Returns the id of the server. */
  add(host: string, port: number, weight = 1): string {
    const { health, name } = this.config;
    const id = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const { clock, random, probe } = this.deps;
    const checker =
      health === undefined
        ? undefined
        : new HealthChecker(
            {
              clock,
              random,
              probe,
              onVerdict: (isHealthy, reason) => {
                const entry = this.entries.get(id);
                if (entry === undefined) return;
                entry.state = { ...entry.state, healthy: isHealthy };
                this.deps.onVerdict(name, id, isHealthy, reason);
                this.deps.onChange(this.state);
              },
            },
            { health, host, port },
          );
    // What is checked is not healthy before its first check; what is not checked always is.
    this.entries.set(id, {
      state: { id, host, port, weight, healthy: checker === undefined, admin: 'ready' },
      checker,
    });
    checker?.start();
    this.deps.onChange(this.state);
    return id;
  }

  remove(id: string): void {
    this.entries.get(id)?.checker?.stop();
    if (this.entries.delete(id)) this.deps.onChange(this.state);
  }

  stop(): void {
    for (const { checker } of this.entries.values()) checker?.stop();
  }
}
