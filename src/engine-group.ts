import type { Config } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import type { BackendState } from '../lb/control/messages.ts';
import type { Engine, EngineSnapshot } from '../lb/engine/engine.ts';
import { runsInPlanes } from '../lb/engine/plane-engines.ts';
import type { TrafficMetrics } from '../lb/metrics/plane-metrics.ts';
import { sumTraffic } from '../lb/metrics/sum-plane-metrics.ts';
import { StartError } from './start-error.ts';

/** Other engines, and other listeners for those that there are. */
export interface EngineChange {
  commit(): void;
  /** Instead of `commit`: ends those that were started. */
  abort(): Promise<void>;
}

/** The engines of the primary: those that need no plane, as no byte of the traffic passes through a process of ours. */
export class EngineGroup {
  private readonly clock: Clock;
  private config: Config;
  private readonly create: (name: string) => Engine;
  private readonly engines: Map<string, Engine>;
  /** For a config that is not in force yet. */
  private readonly starting = new Map<string, Engine>();
  private readonly states = new Map<string, BackendState>();
  private isRunning = false;

  /** `create` makes an engine by the name that listeners call it by; called once for each name that does not run in planes. */
  constructor(deps: { readonly clock: Clock; readonly create: (name: string) => Engine }, config: Config) {
    this.clock = deps.clock;
    this.config = config;
    this.create = deps.create;
    this.engines = new Map([...namesIn(config)].map((name) => [name, deps.create(name)]));
  }

  get(name: string): Engine | undefined {
    return this.engines.get(name) ?? this.starting.get(name);
  }

  /**
   * Starts the engines that `next` has and the config before had not; they are told of no listener before `commit`. Rejects with what an engine
   * says; all is as before then. One that no listener asks for any more runs on: it may have connections.
   */
  async prepare(next: Config): Promise<EngineChange> {
    const abort = async (): Promise<void> => {
      await Promise.all([...this.starting.values()].map((engine) => engine.stop()));
      this.starting.clear();
    };
    try {
      for (const name of namesIn(next)) {
        if (this.engines.has(name)) continue;
        if (name === 'haproxy') {
          throw new StartError(
            'the engine "haproxy" starts with Portico only: restart it to add the first listener of that engine.',
          );
        }
        const engine = this.create(name);
        this.starting.set(name, engine);
        await engine.start({ listeners: [], backends: next.backends, states: [...this.states.values()] });
      }
    } catch (error) {
      await abort();
      throw error;
    }
    return {
      abort,
      commit: () => {
        this.config = next;
        for (const [name, engine] of this.starting) this.engines.set(name, engine);
        this.starting.clear();
        if (this.isRunning) this.applyAll();
      },
    };
  }

  /** Resolves when all of them forward. Rejects with what an engine says; the others are to be stopped then. */
  async start(states: readonly BackendState[]): Promise<void> {
    for (const state of states) this.states.set(state.name, state);
    for (const [name, engine] of this.engines) await engine.start(this.snapshotFor(name));
    this.isRunning = true;
    // What changed meanwhile.
    this.applyAll();
  }

  /** The servers of one backend changed. */
  apply(state: BackendState): void {
    this.states.set(state.name, state);
    if (this.isRunning) this.applyAll();
  }

  private applyAll(): void {
    for (const [name, engine] of this.engines) engine.apply(this.snapshotFor(name));
  }

  private snapshotFor(name: string): EngineSnapshot {
    const { listeners, backends } = this.config;
    return {
      listeners: listeners.filter(({ engine }) => engine === name),
      backends,
      states: [...this.states.values()],
    };
  }

  /** Undefined without an engine. */
  counters(): TrafficMetrics | undefined {
    if (this.engines.size === 0) return undefined;
    return sumTraffic([...this.engines.values()].map((engine) => engine.counters()));
  }

  /** Resolves when nothing is open any more, or after the deadline; all engines have stopped then. */
  async drain(deadlineMs: number): Promise<void> {
    this.isRunning = false;
    const deadline = new Promise<void>((resolve) => {
      this.clock.after(deadlineMs, resolve);
    });
    await Promise.race([Promise.all([...this.engines.values()].map((engine) => engine.drain(deadlineMs))), deadline]);
    await this.stop();
  }

  /** Instead of `stop`: what serves goes on for the next primary. */
  async letGo(): Promise<void> {
    this.isRunning = false;
    await Promise.all([...this.engines.values()].map((engine) => (engine.letGo ?? engine.stop).call(engine)));
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.isRunning = false;
    await Promise.all([...this.engines.values()].map((engine) => engine.stop()));
  }
}

function namesIn({ listeners }: Config): ReadonlySet<string> {
  return new Set(listeners.map(({ engine }) => engine).filter((engine) => !runsInPlanes(engine)));
}
