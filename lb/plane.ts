import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';
import { keepUnchanged } from '../config/keep-unchanged.ts';
import { LogFiles } from './access-log/log-files.ts';
import { fileIo } from './access-log/log-io.ts';
import type { Clock, Timer } from './clock.ts';
import type { BackendState, FoundPlane, PlaneCommand, PlaneEvent, SourceUpdate } from './control/messages.ts';
import { packMetrics } from './control/packed-metrics.ts';
import type { EngineSnapshot } from './engine/engine.ts';
import type { PlaneEngine } from './engine/plane-engine.ts';
import { createPlaneEngine, PLANE_ENGINE_NAMES, type PlaneEngineName, runsInPlanes } from './engine/plane-engines.ts';
import { ChallengeAnswers } from './http/challenge-answers.ts';
import type { PlaneMetrics } from './metrics/plane-metrics.ts';
import { sumTraffic } from './metrics/sum-plane-metrics.ts';
import type { TcpHandle } from './net/tcp-binding.ts';
import type { TcpNetwork } from './net/tcp-stream.ts';
import { Acceptance, type AcceptanceDeps } from './pressure/acceptance.ts';
import type { OwnLimits } from './pressure/own-limits.ts';
import { Pressure } from './pressure/pressure.ts';
import { PortOwner } from './source/port-owner.ts';
import { createTlsProvider } from './tls/create-provider.ts';
import { PlaneTls } from './tls/plane-tls.ts';

/** Granularity of all timeouts of the data plane. */
const TICK_MS = 20;
/** What the last lines of logs may take at the end of a drain. */
const LAST_LINES_MS = 1000;

export interface PlaneDeps {
  readonly network: TcpNetwork;
  readonly clock: Clock;
  readonly random: () => number;
  /** Milliseconds since 1970, for logs. */
  readonly epochNow: () => number;
  /** To the primary. */
  readonly send: (event: PlaneEvent) => void;
  /** How long the kernel keeps a port after a connection that this side closed first; `isLoopback`: from loopback addresses only. */
  readonly quarantineMs: (isLoopback: boolean) => number;
  /** Another descriptor of a listening socket. */
  readonly copySocket: AcceptanceDeps['copy'];
  readonly limits: OwnLimits;
  readonly usage: () => {
    readonly residentBytes: number;
    readonly cpuSeconds: number;
    readonly eventLoopLagSeconds: number;
  };
}

/**
 * One data plane: everything between the sockets and the primary's messages, without being a process itself. It owns source ports and
 * time; engines do the rest.
 */
export class Plane {
  private readonly deps: PlaneDeps;
  private config: Config | undefined = undefined;
  private sources: PortOwner | undefined = undefined;
  private readonly states = new Map<string, BackendState>();
  private readonly engines = new Map<PlaneEngineName, PlaneEngine>();
  /** The engine of each listener that is to accept here. */
  private readonly engineOf = new Map<string, PlaneEngine>();
  private readonly logs: LogFiles;
  private readonly tls: PlaneTls;
  private readonly challenges = new ChallengeAnswers();
  /** Listeners whose socket is still to come. */
  private awaited = new Set<string>();
  /** The config that the primary waits for. */
  private generation: number | undefined = undefined;
  private readonly acceptance: Acceptance;
  private readonly pressure: Pressure;
  private readonly updates = new Map<string, SourceUpdate>();
  private isAlone = false;
  private ticking: Timer | undefined = undefined;
  private isDraining = false;

  constructor(deps: PlaneDeps) {
    this.deps = deps;
    this.logs = new LogFiles({ ...deps, io: fileIo });
    this.acceptance = new Acceptance({
      listen: (listener, socket) => this.engineOf.get(listener)?.listen(listener, socket) ?? -1,
      rest: (listener) => this.engineOf.get(listener)?.rest(listener),
      copy: deps.copySocket,
    });
    this.pressure = new Pressure({
      ...deps,
      acceptance: this.acceptance,
      onMemory: (level) => {
        for (const engine of this.engines.values()) engine.onMemory(level);
      },
      relieve: () => {
        for (const engine of this.engines.values()) engine.relieveMemory();
      },
      tell: (pressure) => deps.send({ type: 'pressure', pressure }),
    });
    this.tls = new PlaneTls({
      createProvider: () => createTlsProvider(deps.network),
      onNotice: (message) => deps.send({ type: 'notice', message }),
    });
  }

  /** `onDrained` runs when a drain has ended, by itself or by its deadline. */
  handle(command: PlaneCommand, socket: TcpHandle | undefined, onDrained: () => void): void {
    switch (command.type) {
      case 'start':
        this.start(command);
        return;
      case 'config':
        this.configure(command);
        return;
      case 'listen':
        this.listen(command.listener, socket);
        return;
      case 'grant':
        this.sources?.grant(command.blocks);
        for (const engine of this.engines.values()) engine.onRoom();
        return;
      case 'sources':
        this.updateSources(command.sources);
        return;
      case 'avoid':
        this.sources?.avoid(command.pool, command.address, command.ports);
        return;
      case 'audit-begin':
        this.sources?.beginAudit(command.pool);
        return;
      case 'audit':
        this.sources?.audit(command.pool, command.chunk);
        return;
      case 'audit-end':
        this.sources?.endAudit(command.pool, command.isWhole);
        return;
      case 'wanted':
        this.sources?.setWanted(command.pool, command.isWanted);
        return;
      case 'port-use':
        this.deps.send({ type: 'port-use', id: command.id, use: this.sources?.portUse(command) ?? [] });
        return;
      case 'backend':
        this.states.set(command.backend.name, command.backend);
        for (const [name, engine] of this.engines) engine.apply(this.snapshotFor(name));
        return;
      case 'report':
        this.deps.send({ type: 'report', id: command.id, metrics: packMetrics(this.snapshot()) });
        return;
      case 'tls':
        if (this.config !== undefined) this.tls.apply(this.config, command.material);
        return;
      case 'challenges':
        this.challenges.replace(command.answers);
        this.tls.useChallenges(command.answers);
        return;
      case 'reopen-logs':
        this.logs.reopen();
        return;
      case 'announce-drain':
        for (const engine of this.engines.values()) engine.announceDrain(command.isAhead);
        return;
      case 'drain':
        this.drain(command.deadlineMs, onDrained);
        return;
      default:
        command satisfies never;
    }
  }

  private start({ config, backends, blocks, sources, tls }: Extract<PlaneCommand, { type: 'start' }>): void {
    const { clock, send } = this.deps;
    this.config = config;
    if (tls !== undefined) this.tls.apply(config, tls);
    this.sources = new PortOwner(this.deps, { pools: config.sources });
    this.sources.update(sources);
    this.rememberSources(sources);
    this.sources.grant(blocks);
    for (const state of backends) this.states.set(state.name, state);
    this.applyConfig();
    this.awaited = new Set(this.engineOf.keys());
    this.ticking = clock.every(TICK_MS, () => this.tick());
    if (this.engineOf.size === 0) send({ type: 'ready' });
  }

  /** Starts the engines that a listener asks for now; those that none asks for any more end what they have. */
  private applyConfig(): void {
    const { listeners, planes, planeMemoryBytes } = this.config!;
    this.pressure.configure(planeMemoryBytes, planes);
    for (const name of PLANE_ENGINE_NAMES) {
      const running = this.engines.get(name);
      if (running !== undefined) running.apply(this.snapshotFor(name));
      else if (listeners.some(({ engine }) => engine === name)) this.startEngine(name);
    }
    this.engineOf.clear();
    for (const name of this.acceptance.handles.keys())
      if (!listeners.some((listener) => listener.name === name)) this.acceptance.remove(name);
    for (const { name, engine } of listeners) {
      if (runsInPlanes(engine)) this.engineOf.set(name, this.engines.get(engine)!);
    }
  }

  private startEngine(name: PlaneEngineName): void {
    const engine = createPlaneEngine(name, {
      ...this.deps,
      pools: this.sources!.pools,
      logs: this.logs,
      tls: this.tls,
      challenges: this.challenges,
      drainTimeoutMs: () => this.config!.drainTimeoutMs,
    });
    this.engines.set(name, engine);
    engine.start(this.snapshotFor(name));
  }

  private configure(command: Extract<PlaneCommand, { type: 'config' }>): void {
    if (this.config === undefined || this.isDraining) return;
    this.config = keepUnchanged(this.config, command.config);
    this.sources!.configure(this.config.sources);
    this.sources!.update(command.sources);
    this.rememberSources(command.sources);
    if (command.blocks.length > 0) this.sources!.grant(command.blocks);
    this.replaceStates(command.backends);
    if (command.tls !== undefined) this.tls.apply(this.config, command.tls);
    this.applyConfig();
    this.generation = command.generation;
    this.awaited = new Set([...this.awaited, ...command.listens].filter((name) => this.engineOf.has(name)));
    this.tellConfigured();
  }

  /** A state that says the same stays the same object: nothing has changed for its backend. */
  private replaceStates(states: readonly BackendState[]): void {
    const before = new Map(this.states);
    this.states.clear();
    for (const state of states) {
      const known = before.get(state.name);
      this.states.set(state.name, isDeepStrictEqual(known, state) ? known! : state);
    }
  }

  private tellConfigured(): void {
    if (this.generation === undefined || this.awaited.size > 0) return;
    this.deps.send({ type: 'configured', generation: this.generation });
    this.generation = undefined;
  }

  private snapshotFor(name: PlaneEngineName): EngineSnapshot {
    const { listeners, backends } = this.config!;
    return {
      listeners: listeners.filter(({ engine }) => engine === name),
      backends,
      states: [...this.states.values()],
    };
  }

  private listen(name: string, socket: TcpHandle | undefined): void {
    const status = this.engineOf.has(name) && socket !== undefined ? this.acceptance.add(name, socket) : -1;
    if (status !== 0) {
      this.deps.send({
        type: 'failed',
        code: 'LISTEN',
        message: `listener "${name}" cannot accept (errno ${-status})`,
      });
      return;
    }
    this.awaited.delete(name);
    if (this.awaited.size > 0) return;
    if (this.generation === undefined) this.deps.send({ type: 'ready' });
    else this.tellConfigured();
  }

  private updateSources(updates: readonly SourceUpdate[]): void {
    this.sources?.update(updates);
    this.rememberSources(updates);
    for (const engine of this.engines.values()) engine.onSources(updates);
  }

  private tick(): void {
    const now = this.deps.clock.now();
    for (const engine of this.engines.values()) engine.tick(now);
    if (!this.isDraining) this.pressure.tick(now);
    this.logs.tick(now);
    // Without a primary nobody would take ports, and none could be had back.
    if (!this.isAlone) this.sources?.tick(now, this.isWaitedFor);
  }

  private readonly isWaitedFor = (pool: string): boolean =>
    [...this.engines.values()].some((engine) => engine.isWaitingFor(pool));

  private drain(deadlineMs: number, onDrained: () => void): void {
    if (this.isDraining) return;
    this.isDraining = true;
    let isOver = false;
    const finish = (): void => {
      if (isOver) return;
      isOver = true;
      this.stop();
      onDrained();
    };
    this.deps.clock.after(deadlineMs, () => {
      if (!isOver) this.tellCut();
      finish();
    });
    const engines = [...this.engines.values()].map((engine) => engine.drain(deadlineMs));
    this.acceptance.close();
    void Promise.all(engines).then(() => {
      // A disk that stalls must not hold up the end for long.
      this.deps.clock.after(Math.min(LAST_LINES_MS, deadlineMs), finish);
      void this.logs.finish().then(finish);
    });
  }

  private tellCut(): void {
    const { listeners } = sumTraffic([...this.engines.values()].map((engine) => engine.counters()));
    const open = listeners.reduce((sum, { connections }) => sum + connections, 0);
    if (open === 0) return;
    this.deps.send({ type: 'notice', message: `${open} connections were open at the end of the drain, and are cut` });
  }

  /** Ends everything at once. Idempotent. */
  stop(): void {
    this.deps.clock.clear(this.ticking);
    this.ticking = undefined;
    for (const engine of this.engines.values()) engine.stop();
    this.acceptance.close();
    this.logs.close();
  }

  // Between two primaries

  /** For the next primary; undefined before `start`. */
  describe(): FoundPlane | undefined {
    const { config, sources, isDraining } = this;
    if (config === undefined || sources === undefined) return undefined;
    return {
      config,
      backends: [...this.states.values()],
      sources: [...this.updates.values()],
      blocks: sources.owned,
      isReady: this.awaited.size === 0,
      isDraining,
      metrics: this.snapshot(),
    };
  }

  /** What it accepts from, by listener. */
  get sockets(): ReadonlyMap<string, TcpHandle> {
    return this.acceptance.handles;
  }

  /** There is no primary to give ports to; or there is one that knows nothing yet of who is short of them. */
  setAlone(isAlone: boolean): void {
    this.isAlone = isAlone;
    this.sources?.forgetWanted();
  }

  private rememberSources(updates: readonly SourceUpdate[]): void {
    for (const update of updates) {
      const key = `${update.pool} ${update.address}`;
      if (update.state === 'gone') this.updates.delete(key);
      else this.updates.set(key, update);
    }
  }

  snapshot(): PlaneMetrics {
    const pools = [...(this.sources?.pools.keys() ?? [])];
    const own = {
      listeners: [],
      requests: [],
      streams: [],
      servers: [],
      retries: [],
      ports: this.sources?.counts() ?? [],
      exhausted: [],
      drift: Object.entries(this.sources?.drift ?? {}).map(([kind, count]) => ({ kind, count })),
      queueDepth: pools.map((pool) => ({ pool, depth: 0 })),
      logs: this.logs.counts,
      tls: this.tls.metrics(),
    };
    return {
      ...sumTraffic([own, ...[...this.engines.values()].map((engine) => engine.counters())]),
      ...this.deps.usage(),
      pressure: this.pressure.metrics,
    };
  }
}
