import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.ts';
import type { Clock, Timer } from '../lb/clock.ts';
import type {
  AvoidedPorts,
  BackendState,
  PlaneCommand,
  PlaneEvent,
  PortBlock,
  SourceUpdate,
} from '../lb/control/messages.ts';
import { planeShare } from '../lb/control/plane-share.ts';
import { poolsOfPlanes } from '../lb/engine/plane-pools.ts';
import type { PlaneMetrics } from '../lb/metrics/plane-metrics.ts';
import { sumPlaneMetrics } from '../lb/metrics/sum-plane-metrics.ts';
import type { ListenSocket } from '../lb/net/listen-socket.ts';
import type { BlockLedger } from '../lb/source/block-ledger.ts';
import type { PortBroker } from '../lb/source/port-broker.ts';
import type { PortUse } from '../lb/source/port-use.ts';
import type { TlsMaterial } from '../lb/tls/tls-material.ts';
import type { EventLog } from './event-log.ts';
import { type Child, Supervisor } from './supervisor.ts';

const PLANE_MAIN = fileURLToPath(new URL('../lb/plane-main.js', import.meta.url));
/**
 * V8's young generation grows to 16 MiB a half by default, which the few objects of the data plane do not need; with 9,000 idle WebSockets
 * a smaller one saves 1.5 KB for each.
 */
const PLANE_FLAGS = ['--max-semi-space-size=2'];
/** A plane that does not answer by then is left out of a report. */
const REPORT_TIMEOUT_MS = 1000;
/** A plane that has not taken over a config by then is not waited for: it hangs. */
const CONFIGURE_TIMEOUT_MS = 5000;
/** How much of its counters a plane that is killed can take with it. */
const KEEP_REPORT_MS = 1000;

interface Plane {
  readonly id: string;
  readonly supervisor: Supervisor;
  isReady: boolean;
  lastReport: PlaneMetrics | undefined;
  /** It has a config. */
  isStarted: boolean;
  /** It is one too many, and ends. */
  isLeaving: boolean;
  /** While it is to take over another config: hears of that, or of why not. */
  onConfigured: ((failure?: Error) => void) | undefined;
}

export interface PlaneStatus {
  readonly id: string;
  readonly pid: number | undefined;
  readonly ready: boolean;
  readonly restarts: number;
}

export interface PlaneGroupDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly ledger: BlockLedger;
  readonly broker: PortBroker;
  readonly log: EventLog;
  readonly backends: () => readonly BackendState[];
  readonly sources: () => readonly SourceUpdate[];
  /** Ports that others hold, by address. */
  readonly avoided: () => readonly AvoidedPorts[];
  /** Certificates and secrets; nothing where nobody speaks TLS. */
  readonly tls: () => { readonly tls?: TlsMaterial };
  readonly onReturn: (plane: string, blocks: readonly PortBlock[]) => void;
  /** A plane could not bind this source address. */
  readonly onSourceLost: (plane: string, pool: string, address: string) => void;
}

/** The data-plane processes: starts them, hands them sockets and ports, and adds up what they count. */
export class PlaneGroup {
  private readonly deps: PlaneGroupDeps;
  private config: Config;
  private readonly sockets: ReadonlyMap<string, ListenSocket>;
  private readonly planes: Plane[] = [];
  /** What planes that are gone had counted. */
  private retired: PlaneMetrics | undefined = undefined;
  /** Those who wait for an answer of a plane, by the number of their question. */
  private readonly answers = new Map<number, (answer: never) => void>();
  private nextQuestion = 1;
  private generation = 0;
  private added = 0;
  private keeping: Timer | undefined = undefined;
  private onAllReady: (() => void) | undefined = undefined;
  private onFailed: ((error: Error) => void) | undefined = undefined;

  constructor(deps: PlaneGroupDeps, config: Config, sockets: ReadonlyMap<string, ListenSocket>) {
    this.deps = deps;
    this.config = config;
    this.sockets = sockets;
  }

  /** Resolves when every plane accepts; rejects if one says that it cannot. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.onAllReady = resolve;
      this.onFailed = reject;
      this.resize();
      this.keeping = this.deps.clock.every(KEEP_REPORT_MS, () => void this.collect());
    });
  }

  /** As many planes as the config says. Those that are too many finish what they have. */
  resize(): void {
    const { planes, drainTimeoutMs } = this.config;
    for (let i = this.staying.length; i < planes; i++) this.add(`plane-${++this.added}`);
    for (const plane of this.staying.slice(planes)) {
      plane.isLeaving = true;
      void this.stopOne(plane, drainTimeoutMs).then(() => this.forget(plane));
    }
  }

  private get staying(): readonly Plane[] {
    return this.planes.filter(({ isLeaving }) => !isLeaving);
  }

  private forget(plane: Plane): void {
    this.planes.splice(this.planes.indexOf(plane), 1);
    this.deps.broker.onDeath(plane.id);
    if (plane.lastReport !== undefined) this.retire(plane.lastReport);
  }

  /**
   * Every plane goes by this config, and accepts on the sockets of these listeners. Resolves when they do; one that dies meanwhile starts by it,
   * and one that hangs is not waited for. Rejects where a plane cannot.
   */
  async configure(config: Config, listens: readonly string[]): Promise<void> {
    const before = poolsOfPlanes(this.config);
    const fresh = [...poolsOfPlanes(config)].filter((pool) => !before.has(pool));
    this.config = config;
    this.generation++;
    this.deps.ledger.setPlanes(config.planes);
    await Promise.all(this.staying.map((plane) => this.configureOne(plane, fresh, listens)));
  }

  private configureOne(plane: Plane, fresh: readonly string[], listens: readonly string[]): Promise<void> {
    const child = plane.supervisor.current;
    if (child === undefined || !plane.isStarted) return Promise.resolve();
    const { ledger, backends, sources, avoided, clock, tls } = this.deps;
    const { generation } = this;
    return new Promise((resolve, reject) => {
      const timer = clock.after(CONFIGURE_TIMEOUT_MS, () => plane.onConfigured?.());
      plane.onConfigured = (failure) => {
        clock.clear(timer);
        plane.onConfigured = undefined;
        if (failure === undefined) resolve();
        else reject(failure);
      };
      this.send(child, {
        type: 'config',
        generation,
        config: planeShare(this.config, this.staying.indexOf(plane)),
        backends: backends(),
        blocks: ledger.shareOf(plane.id, fresh),
        sources: sources(),
        ...tls(),
        listens,
      });
      for (const ports of avoided()) if (fresh.includes(ports.pool)) this.send(child, { type: 'avoid', ...ports });
      this.sendSockets(child, listens);
    });
  }

  private sendSockets(child: Child, listeners: Iterable<string>): void {
    for (const listener of listeners) {
      child.send({ type: 'listen', listener }, this.sockets.get(listener)!.handle as never);
    }
  }

  private add(id: string): void {
    const { clock, random, log, broker } = this.deps;
    const plane: Plane = {
      id,
      isReady: false,
      lastReport: undefined,
      isStarted: false,
      isLeaving: false,
      onConfigured: undefined,
      supervisor: new Supervisor({
        clock,
        random,
        spawn: () => fork(PLANE_MAIN, { serialization: 'advanced', execArgv: [...PLANE_FLAGS, ...process.execArgv] }),
        onStart: (child) => child.on('message', (event: PlaneEvent) => this.handle(plane, child, event)),
        onDeath: (cause, delayMs) => {
          plane.isReady = false;
          plane.isStarted = false;
          plane.onConfigured?.();
          broker.onDeath(id);
          if (plane.lastReport !== undefined) this.retire(plane.lastReport);
          plane.lastReport = undefined;
          log.emit({ type: 'plane-died', plane: id, cause, restartInMs: Math.round(delayMs) });
        },
      }),
    };
    this.planes.push(plane);
    plane.supervisor.start();
  }

  private handle(plane: Plane, child: Child, event: PlaneEvent): void {
    switch (event.type) {
      case 'hello': {
        const blocks = this.deps.ledger.initialShare(plane.id, this.config.planes, poolsOfPlanes(this.config));
        const { backends, sources, avoided, broker, tls } = this.deps;
        const config = planeShare(this.config, this.staying.indexOf(plane));
        this.send(child, { type: 'start', config, backends: backends(), blocks, sources: sources(), ...tls() });
        for (const ports of avoided()) this.send(child, { type: 'avoid', ...ports });
        broker.tellWanted(plane.id);
        plane.isStarted = true;
        this.sendSockets(child, this.sockets.keys());
        return;
      }
      case 'ready':
        plane.isReady = true;
        this.deps.log.emit({ type: 'plane-ready', plane: plane.id });
        if (this.planes.every(({ isReady }) => isReady)) this.onAllReady?.();
        return;
      case 'configured':
        if (event.generation === this.generation) plane.onConfigured?.();
        return;
      case 'failed':
        plane.onConfigured?.(new Error(event.message));
        this.onFailed?.(new Error(event.message));
        return;
      case 'low':
        this.deps.broker.onLow(plane.id, event.pool, event.blocks, event.isStarved);
        return;
      case 'return':
        this.deps.onReturn(plane.id, event.blocks);
        return;
      case 'source-lost':
        this.deps.onSourceLost(plane.id, event.pool, event.address);
        return;
      case 'port-use':
        this.answers.get(event.id)?.(event.use as never);
        return;
      case 'notice':
        this.deps.log.emit({ type: 'notice', message: `${plane.id}: ${event.message}` });
        return;
      case 'report':
        plane.lastReport = event.metrics;
        this.answers.get(event.id)?.(event.metrics as never);
        return;
      default:
        event satisfies never;
    }
  }

  private send(child: Child, command: PlaneCommand): void {
    // A child that is just dying has no channel any more; its exit is on the way.
    child.send(command, () => {});
  }

  /** To one plane; nothing happens while that is down. */
  tell(id: string, command: PlaneCommand): void {
    const child = this.planes.find((plane) => plane.id === id)?.supervisor.current;
    if (child !== undefined) this.send(child, command);
  }

  broadcast(command: PlaneCommand): void {
    for (const { supervisor } of this.planes)
      if (supervisor.current !== undefined) this.send(supervisor.current, command);
  }

  get isReady(): boolean {
    return this.planes.length > 0 && this.planes.some((plane) => plane.isReady);
  }

  get status(): readonly PlaneStatus[] {
    return this.planes.map(({ id, isReady, supervisor }) => ({
      id,
      pid: supervisor.current?.pid,
      ready: isReady,
      restarts: supervisor.restarts,
    }));
  }

  /**
   * What every plane counted, by plane, and those that are gone as `retired`. A plane that hangs is in it with its last report, and one
   * that died while the others were waited for only in `retired`: each count is in there once, so no counter goes down.
   */
  async collect(): Promise<{
    planes: Map<string, PlaneMetrics>;
    retired: PlaneMetrics | undefined;
    isComplete: boolean;
  }> {
    const answers = await Promise.all(
      this.planes.map((plane) => this.ask<PlaneMetrics>(plane, (id) => ({ type: 'report', id }))),
    );
    const planes = new Map<string, PlaneMetrics>();
    for (const { id, lastReport } of this.planes) if (lastReport !== undefined) planes.set(id, lastReport);
    return { planes, retired: this.retired, isComplete: answers.every((answer) => answer !== undefined) };
  }

  /** Where port maps and the kernel differed, of the planes that are and were. */
  get drift(): PlaneMetrics['drift'] {
    const reports = [this.retired, ...this.planes.map(({ lastReport }) => lastReport)];
    return sumPlaneMetrics(reports.filter((report) => report !== undefined)).drift;
  }

  /** How the planes use their ports; what a plane that hangs has is left out. */
  async portUse(filter: { readonly source?: string; readonly destination?: string }): Promise<readonly PortUse[]> {
    const answers = await Promise.all(
      this.planes.map((plane) => this.ask<readonly PortUse[]>(plane, (id) => ({ ...filter, type: 'port-use', id }))),
    );
    return answers.flatMap((use) => use ?? []);
  }

  private ask<T>({ supervisor, isReady }: Plane, question: (id: number) => PlaneCommand): Promise<T | undefined> {
    const child = supervisor.current;
    if (child === undefined || !isReady) return Promise.resolve(undefined);
    const id = this.nextQuestion++;
    return new Promise((resolve) => {
      const settle = (answer: T | undefined): void => {
        this.deps.clock.clear(timer);
        this.answers.delete(id);
        resolve(answer);
      };
      const timer = this.deps.clock.after(REPORT_TIMEOUT_MS, () => settle(undefined));
      this.answers.set(id, settle);
      this.send(child, question(id));
    });
  }

  /** Keeps the counters of a plane that is gone; its gauges went with it. */
  private retire(last: PlaneMetrics): void {
    const counters: PlaneMetrics = {
      ...last,
      listeners: last.listeners.map((listener) => ({ ...listener, connections: 0, webSockets: 0 })),
      queues: last.queues?.map((queue) => ({ ...queue, depth: 0 })) ?? [],
      servers: last.servers.map((server) => ({ ...server, active: 0, idle: 0, ejected: 0 })),
      ports: [],
      queueDepth: [],
    };
    this.retired = this.retired === undefined ? counters : sumPlaneMetrics([this.retired, counters]);
  }

  /** A drain is ahead. */
  announceDrain(): void {
    this.broadcast({ type: 'announce-drain' });
  }

  /** Drains every plane. Resolves when all are gone. */
  async stop(deadlineMs: number): Promise<void> {
    this.deps.clock.clear(this.keeping);
    await Promise.all(this.planes.map((plane) => this.stopOne(plane, deadlineMs)));
  }

  private stopOne({ supervisor }: Plane, deadlineMs: number): Promise<void> {
    return supervisor.stop((child) => this.send(child, { type: 'drain', deadlineMs }), deadlineMs + REPORT_TIMEOUT_MS);
  }

  kill(): void {
    this.deps.clock.clear(this.keeping);
    for (const { supervisor } of this.planes) supervisor.kill();
  }
}
