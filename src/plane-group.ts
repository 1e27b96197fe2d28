import type { Config } from '../config/config.ts';
import type { Timer } from '../lb/clock.ts';
import type { HostCommand, HostEvent } from '../lb/control/host-messages.ts';
import type { FoundPlane, PlaneCommand, PlaneEvent } from '../lb/control/messages.ts';
import { unpackMetrics } from '../lb/control/packed-metrics.ts';
import { planeShare } from '../lb/control/plane-share.ts';
import { poolsOfPlanes } from '../lb/engine/plane-pools.ts';
import type { PlaneMetrics } from '../lb/metrics/plane-metrics.ts';
import type { ListenSocket } from '../lb/net/listen-socket.ts';
import { LinkedProcess } from './linked-process.ts';
import type { PlaneGroupDeps, PlaneStatus } from './plane-group-deps.ts';
import { PlaneReports, REPORT_TIMEOUT_MS, type ReportingPlane } from './plane-reports.ts';
import { planeId, retiringId, type SortedPlanes, sortPlanes } from './sort-planes.ts';
import { SparePlane } from './spare-plane.ts';
import { startPlane } from './start-plane.ts';
import type { PlanesMemo, SupervisedPlane } from './supervised-plane.ts';
import { Supervisor } from './supervisor.ts';
import type { Survivor } from './survivors.ts';
import { watchProcess } from './watch-process.ts';

/** A plane that has not taken over a config by then is not waited for: it hangs. */
const CONFIGURE_TIMEOUT_MS = 5000;
/** How much of its counters a plane that is killed can take with it. */
const KEEP_REPORT_MS = 1000;

/** The data-plane processes: starts them, hands them sockets and ports, and adds up what they count. */
export class PlaneGroup {
  private readonly deps: PlaneGroupDeps;
  private config: Config;
  private readonly sockets: ReadonlyMap<string, ListenSocket>;
  private readonly planes: SupervisedPlane[] = [];
  /** Planes of an earlier primary that finish what they have. */
  private readonly retiring = new Set<ReportingPlane>();
  private readonly reports: PlaneReports;
  private readonly spare: SparePlane;
  private isDrainAhead = false;
  private generation = 0;
  private found: SortedPlanes = { kept: new Map(), retiring: [] };
  private restarts: Readonly<Record<string, number>> = {};
  private keeping: Timer | undefined = undefined;
  private onAllReady: (() => void) | undefined = undefined;
  private onFailed: ((error: Error) => void) | undefined = undefined;

  constructor(deps: PlaneGroupDeps, config: Config, sockets: ReadonlyMap<string, ListenSocket>) {
    this.deps = deps;
    this.config = config;
    this.sockets = sockets;
    this.spare = new SparePlane({ ...deps, start: (id) => startPlane(deps.lineage, id) });
    this.reports = new PlaneReports({ clock: deps.clock, planes: () => this.all });
  }

  /**
   * Takes note of the planes that there are already, and of the ports that they own. To be called once, before anybody is granted a port;
   * returns those that `start` will go on with.
   */
  adopt(survivors: readonly Survivor[]): void {
    const { ledger, lineage } = this.deps;
    this.found = sortPlanes(survivors, this.config, lineage.release);
    const { kept, retiring } = this.found;
    const memo = [...kept.values(), ...retiring]
      .map((survivor) => survivor.memo as PlanesMemo | undefined)
      .find(Boolean);
    this.reports.retired = memo?.retired;
    this.restarts = memo?.restarts ?? {};
    for (const [id, { state }] of kept) ledger.claim(id, (state as FoundPlane).blocks, this.config.planes);
    for (const survivor of retiring) ledger.claim(retiringId(survivor), (survivor.state as FoundPlane).blocks);
  }

  /** Resolves when every plane accepts; rejects if one says that it cannot. Those of before that are not to go on are drained then. */
  start(): Promise<void> {
    const { kept, retiring } = this.found;
    for (const survivor of retiring) this.addRetiring(survivor);
    return new Promise<void>((resolve, reject) => {
      this.onAllReady = resolve;
      this.onFailed = reject;
      for (let i = 0; i < this.config.planes; i++) this.add(planeId(i), kept.get(planeId(i)));
      this.keeping = this.deps.clock.every(KEEP_REPORT_MS, () => void this.collect());
      this.resolveWhenReady();
    }).then(() => {
      this.spare.start();
      for (const plane of this.retiring)
        this.send(plane.process(), { type: 'drain', deadlineMs: this.config.drainTimeoutMs });
    });
  }

  private resolveWhenReady(): void {
    const { staying } = this;
    if (staying.length === this.config.planes && staying.every(({ isReady }) => isReady)) this.onAllReady?.();
  }

  /** As many planes as the config says. Those that are too many finish what they have. */
  resize(): void {
    const { planes, drainTimeoutMs } = this.config;
    for (let i = this.staying.length; i < planes; i++) this.add(this.unusedId(), undefined);
    for (const plane of this.staying.slice(planes)) {
      plane.isLeaving = true;
      void this.stopOne(plane, drainTimeoutMs).then(() => this.forget(plane));
    }
  }

  private get staying(): readonly SupervisedPlane[] {
    return this.planes.filter(({ isLeaving }) => !isLeaving);
  }

  private unusedId(): string {
    let index = 0;
    while (this.planes.some(({ id }) => id === planeId(index))) index++;
    return planeId(index);
  }

  private forget(plane: SupervisedPlane): void {
    this.planes.splice(this.planes.indexOf(plane), 1);
    this.deps.broker.onDeath(plane.id);
    this.keepCounters(plane);
  }

  /**
   * Every plane goes by this config, and accepts on the sockets of these listeners. Resolves when they do; one that dies meanwhile starts by it,
   * and one that hangs is not waited for. Rejects where a plane cannot. Planes of an earlier primary that end do so by what they have.
   */
  async configure(config: Config, listens: readonly string[]): Promise<void> {
    const before = poolsOfPlanes(this.config);
    const fresh = [...poolsOfPlanes(config)].filter((pool) => !before.has(pool));
    this.config = config;
    this.generation++;
    this.deps.ledger.setPlanes(config.planes);
    await Promise.all(this.staying.map((plane) => this.configureOne(plane, fresh, listens)));
  }

  private configureOne(plane: SupervisedPlane, fresh: readonly string[], listens: readonly string[]): Promise<void> {
    const child = plane.process();
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

  private sendSockets(child: LinkedProcess, listeners: Iterable<string>): void {
    for (const listener of listeners) child.send({ type: 'listen', listener }, this.sockets.get(listener)!.handle);
  }

  private add(id: string, survivor: Survivor | undefined): void {
    const { clock, random, log, broker, lineage } = this.deps;
    const supervisor = new Supervisor<LinkedProcess>({
      clock,
      random,
      spawn: () => this.spare.take(id) ?? startPlane(lineage, id),
      onStart: (child) => this.watch(plane, child),
      onDeath: (cause, delayMs) => {
        plane.isReady = false;
        plane.isStarted = false;
        plane.onConfigured?.();
        broker.onDeath(id);
        this.keepCounters(plane);
        log.emit({ type: 'plane-died', plane: id, cause, restartInMs: Math.round(delayMs) });
      },
    });
    const plane: SupervisedPlane = {
      id,
      supervisor,
      process: () => supervisor.current,
      isReady: false,
      lastReport: undefined,
      isStarted: false,
      isLeaving: false,
      onConfigured: undefined,
    };
    this.planes.push(plane);
    if (survivor === undefined) {
      supervisor.restarts = this.restarts[id] ?? 0;
      supervisor.start();
      return;
    }
    const found = survivor.state as FoundPlane;
    plane.isReady = true;
    plane.isStarted = true;
    plane.lastReport = found.metrics;
    const child = LinkedProcess.found({ ...lineage, id }, survivor.pid, survivor.channel);
    supervisor.takeOver(child, this.restarts[id] ?? 0);
    this.bringUpToDate(plane, child);
    log.emit({ type: 'plane-found', plane: id, pid: survivor.pid });
  }

  private addRetiring(survivor: Survivor): void {
    const { log, broker, lineage } = this.deps;
    const child = LinkedProcess.found({ ...lineage, id: survivor.id }, survivor.pid, survivor.channel);
    const plane: ReportingPlane = {
      id: retiringId(survivor),
      process: () => child,
      isReady: true,
      lastReport: (survivor.state as FoundPlane).metrics,
    };
    this.retiring.add(plane);
    this.watch(plane, child);
    child.on('exit', () => {
      this.retiring.delete(plane);
      broker.onDeath(plane.id);
      this.keepCounters(plane);
      log.emit({ type: 'plane-retired', plane: survivor.id, pid: survivor.pid });
    });
    this.bringUpToDate(plane, child);
  }

  /** What a plane is to know that has gone on without a primary. */
  private bringUpToDate(plane: ReportingPlane, child: LinkedProcess): void {
    const { backends, sources, tls } = this.deps;
    const { tls: material } = tls();
    if (material !== undefined) this.send(child, { type: 'tls', material });
    for (const backend of backends()) this.send(child, { type: 'backend', backend });
    this.send(child, { type: 'sources', sources: sources() });
    this.inform(plane, child);
  }

  /** What every plane is to know besides its config, and hears of when it changes. */
  private inform({ id }: ReportingPlane, child: LinkedProcess): void {
    const { avoided, challenges, broker } = this.deps;
    for (const ports of avoided()) this.send(child, { type: 'avoid', ...ports });
    this.send(child, { type: 'challenges', answers: challenges() });
    broker.tellWanted(id);
  }

  private watch(plane: ReportingPlane | SupervisedPlane, child: LinkedProcess): void {
    const { clock, log, lineage } = this.deps;
    watchProcess<PlaneEvent>({ clock, log, onMessage: (event) => this.handle(plane, child, event) }, child, {
      name: plane.id,
      timeoutMs: lineage.heartbeatMs,
    });
  }

  private handle(plane: ReportingPlane | SupervisedPlane, child: LinkedProcess, event: PlaneEvent | HostEvent): void {
    switch (event.type) {
      case 'hello':
        if ('supervisor' in plane) this.instruct(plane, child);
        return;
      case 'ready':
        plane.isReady = true;
        if ('supervisor' in plane) plane.supervisor.onWorking();
        this.deps.log.emit({ type: 'plane-ready', plane: plane.id });
        this.resolveWhenReady();
        return;
      case 'configured':
        if ('supervisor' in plane && event.generation === this.generation) plane.onConfigured?.();
        return;
      case 'failed':
        if ('supervisor' in plane) plane.onConfigured?.(new Error(event.message));
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
        this.reports.answer(event.id, event.use);
        return;
      case 'pressure':
        this.deps.log.emit({ type: 'plane-pressure', plane: plane.id, pressure: event.pressure });
        return;
      case 'notice':
        this.deps.log.emit({ type: 'notice', message: `${plane.id}: ${event.message}` });
        return;
      case 'report':
        plane.lastReport = unpackMetrics(event.metrics);
        this.reports.answer(event.id, plane.lastReport);
        return;
      case 'found':
      case 'socket':
      case 'sockets-end':
      case 'pong':
        return;
      default:
        event satisfies never;
    }
  }

  private instruct(plane: SupervisedPlane, child: LinkedProcess): void {
    const { backends, sources, tls, ledger } = this.deps;
    const blocks = ledger.initialShare(plane.id, this.config.planes, poolsOfPlanes(this.config));
    const config = planeShare(this.config, this.staying.indexOf(plane));
    this.send(child, { type: 'start', config, backends: backends(), blocks, sources: sources(), ...tls() });
    this.inform(plane, child);
    if (this.isDrainAhead) this.send(child, { type: 'announce-drain', isAhead: true });
    plane.isStarted = true;
    this.sendSockets(child, this.sockets.keys());
    this.remember(child);
  }

  private send(child: LinkedProcess | undefined, command: PlaneCommand): void {
    child?.send(command);
  }

  private get all(): readonly ReportingPlane[] {
    return [...this.planes, ...this.retiring];
  }

  private remember(child: LinkedProcess | undefined): void {
    const restarts = Object.fromEntries(this.planes.map(({ id, supervisor }) => [id, supervisor.restarts]));
    const memo: PlanesMemo = { retired: this.reports.retired, restarts };
    child?.send({ type: 'remember', memo } satisfies HostCommand);
  }

  /** To one plane; nothing happens while that is down. */
  tell(id: string, command: PlaneCommand): void {
    this.send(this.all.find((plane) => plane.id === id)?.process(), command);
  }

  broadcast(command: PlaneCommand): void {
    for (const plane of this.all) this.send(plane.process(), command);
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

  collect(): ReturnType<PlaneReports['collect']> {
    return this.reports.collect();
  }

  get drift(): PlaneMetrics['drift'] {
    return this.reports.drift;
  }

  portUse(filter: Parameters<PlaneReports['portUse']>[0]): ReturnType<PlaneReports['portUse']> {
    return this.reports.portUse(filter);
  }

  private keepCounters(plane: ReportingPlane): void {
    this.reports.retire(plane);
    for (const { process } of this.all) this.remember(process());
  }

  announceDrain(isAhead: boolean): void {
    this.isDrainAhead = isAhead;
    this.broadcast({ type: 'announce-drain', isAhead });
  }

  /** Drains every plane. Resolves when all are gone. */
  async stop(deadlineMs: number): Promise<void> {
    this.deps.clock.clear(this.keeping);
    this.spare.stop();
    await Promise.all([
      ...this.planes.map((plane) => this.stopOne(plane, deadlineMs)),
      ...[...this.retiring].map((plane) => plane.process()?.goneBy(this.deps.clock, deadlineMs + REPORT_TIMEOUT_MS)),
    ]);
  }

  private stopOne({ supervisor }: SupervisedPlane, deadlineMs: number): Promise<void> {
    return supervisor.stop((child) => this.send(child, { type: 'drain', deadlineMs }), deadlineMs + REPORT_TIMEOUT_MS);
  }

  kill(): void {
    this.deps.clock.clear(this.keeping);
    this.spare.stop();
    for (const { supervisor } of this.planes) supervisor.kill();
    for (const { process } of this.retiring) process()?.kill('SIGKILL');
  }

  /** The planes go on for another primary; this one has nothing to do with them any more. */
  letGo(): void {
    this.deps.clock.clear(this.keeping);
    this.spare.stop();
    for (const { supervisor } of this.planes) supervisor.letGo()?.letGo();
    for (const { process } of this.retiring) process()?.letGo();
  }
}
