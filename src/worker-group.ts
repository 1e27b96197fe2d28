import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { WorkersConfig } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import type { HostEvent } from '../lb/control/host-messages.ts';
import type { FoundWorker, WorkerCommand, WorkerEvent } from '../lb/control/messages.ts';
import type { ProcessUsage } from '../lb/own-usage.ts';
import type { EventLog } from './event-log.ts';
import type { Lineage } from './lineage.ts';
import { LinkedProcess } from './linked-process.ts';
import type { ServerRegistry } from './server-registry.ts';
import { Supervisor } from './supervisor.ts';
import type { Survivor } from './survivors.ts';
import { watchProcess } from './watch-process.ts';

const WORKER_MAIN = fileURLToPath(new URL('./worker-main.js', import.meta.url));
const HOST = '127.0.0.1';
/** Planes take a moment longer than their drain, for the last lines of their logs. */
const LAST_MOMENTS_MS = 1000;

interface Worker {
  readonly id: string;
  readonly number: number;
  readonly module: string;
  readonly supervisor: Supervisor<LinkedProcess>;
  /** Another config does without it. */
  isLeaving: boolean;
  /** It ends soon, whatever a config says. */
  isSettled: boolean;
  server: string | undefined;
  usage: ProcessUsage | undefined;
  /** Serves in its place until it is healthy: one of an earlier run. */
  before: { readonly process: LinkedProcess; readonly server: string } | undefined;
}

export interface WorkerStatus {
  readonly id: string;
  readonly pid: number | undefined;
  readonly server: string | undefined;
  readonly restarts: number;
  /** Undefined until it has told. */
  readonly usage: ProcessUsage | undefined;
}

export interface WorkerGroupDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: EventLog;
  readonly lineage: Lineage;
  /** What planes that still use a worker may take to finish with it. */
  readonly drainTimeoutMs: () => number;
}

/** The worker processes of one backend. Each is a server of it from the moment it listens to the moment it dies. */
export class WorkerGroup {
  private readonly deps: WorkerGroupDeps;
  private readonly registry: ServerRegistry;
  private readonly workers: Worker[] = [];
  private readonly dismissed = new Set<LinkedProcess>();
  /** Planes of an earlier run that use the workers of that run have been told to finish. */
  private isUp = false;

  constructor(deps: WorkerGroupDeps, registry: ServerRegistry) {
    this.deps = deps;
    this.registry = registry;
  }

  /**
   * Starts those that are missing; those that are too many, or run another module, leave by `settle`. `survivors`: those of an earlier run. They
   * go on if they are the same, or else until another one is healthy in their place.
   */
  start(config: WorkersConfig | undefined, survivors: readonly Survivor[] = []): void {
    const { name } = this.registry.config;
    const found = survivors.filter(({ state }) => (state as FoundWorker).backend === name);
    const isSame = (survivor: Survivor): boolean => config !== undefined && this.isSame(survivor, config);
    const own = [...found.filter(isSame), ...found.filter((survivor) => !isSame(survivor))];
    let missing = config?.count ?? 0;
    for (const worker of this.workers.filter(({ isSettled }) => !isSettled)) {
      worker.isLeaving = worker.module !== config?.module || missing === 0;
      if (!worker.isLeaving) missing--;
    }
    if (config !== undefined) for (; missing > 0; missing--) this.add(config, own.shift());
    for (const survivor of own) this.dismiss(this.link(survivor));
  }

  private isSame({ release, state }: Survivor, { module }: WorkersConfig): boolean {
    return release === this.deps.lineage.release && (state as FoundWorker).module === module;
  }

  /** Servers that leave by `settle`. */
  get leaving(): readonly string[] {
    return this.workers.flatMap(({ isLeaving, server, before }) =>
      isLeaving ? [server, before?.server].filter((id) => id !== undefined) : [],
    );
  }

  /** No request goes to those that leave any more. They end after the deadline: planes may be waiting for what they have. */
  settle(deadlineMs: number): Promise<void> {
    const leaving = this.workers.filter(({ isLeaving, isSettled }) => isLeaving && !isSettled);
    for (const worker of leaving) {
      worker.isSettled = true;
      if (worker.server !== undefined) this.registry.remove(worker.server);
      worker.server = undefined;
      this.dismissBefore(worker);
    }
    if (leaving.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.deps.clock.after(deadlineMs, () => {
        const ended = leaving.map(async (worker) => {
          await this.stopOne(worker, deadlineMs);
          this.workers.splice(this.workers.indexOf(worker), 1);
        });
        void Promise.all(ended).then(() => resolve());
      });
    });
  }

  /** All of them leave. */
  settleAll(deadlineMs: number): Promise<void> {
    for (const worker of this.workers) worker.isLeaving = true;
    return this.settle(deadlineMs);
  }

  /** To be called once, when the planes of an earlier run have been told to finish: its workers may end when they have. */
  letOldGo(): void {
    this.isUp = true;
    for (const process of this.dismissed) this.drainLater(process);
  }

  private link({ id, pid, channel }: Survivor): LinkedProcess {
    return LinkedProcess.found({ ...this.deps.lineage, id }, pid, channel);
  }

  private add(config: WorkersConfig, survivor: Survivor | undefined): void {
    const { clock, random, log, lineage } = this.deps;
    const { name } = this.registry.config;
    const number = this.unusedNumber();
    const id = `${name}-${number}`;
    const socketId = `worker-${createHash('sha256').update(name).digest('hex').slice(0, 8)}-${number}`;
    const supervisor = new Supervisor<LinkedProcess>({
      clock,
      random,
      spawn: () =>
        LinkedProcess.start(
          lineage.binding,
          { ...lineage, id: socketId },
          { path: WORKER_MAIN, args: [config.module, name] },
        ),
      onStart: (child) => {
        watchProcess<WorkerEvent>({ clock, log, onMessage: (event) => this.handle(worker, event) }, child, {
          name: `worker ${id}`,
          timeoutMs: config.heartbeatMs,
        });
      },
      onDeath: (cause, delayMs) => {
        // Gone before any health check could notice: no request is sent there any more.
        if (worker.server !== undefined) this.registry.remove(worker.server);
        worker.server = undefined;
        worker.usage = undefined;
        log.emit({ type: 'worker-died', worker: id, cause, restartInMs: Math.round(delayMs) });
      },
    });
    const worker: Worker = {
      id,
      number,
      module: config.module,
      supervisor,
      isLeaving: false,
      isSettled: false,
      server: undefined,
      usage: undefined,
      before: undefined,
    };
    this.workers.push(worker);
    if (survivor === undefined) {
      supervisor.start();
      return;
    }
    const { port } = survivor.state as FoundWorker;
    const process = this.link(survivor);
    const server = this.registry.add(HOST, port);
    if (this.isSame(survivor, config)) {
      worker.server = server;
      supervisor.takeOver(process, 0);
      return;
    }
    worker.before = { process, server };
    process.on('exit', () => {
      if (worker.before?.process === process) this.registry.remove(server);
    });
    supervisor.start();
  }

  private unusedNumber(): number {
    let number = 1;
    while (this.workers.some((worker) => worker.number === number)) number++;
    return number;
  }

  private handle(worker: Worker, event: WorkerEvent | HostEvent): void {
    const { log } = this.deps;
    if (event.type === 'usage') worker.usage = event.usage;
    if (event.type === 'failed') log.emit({ type: 'worker-failed', worker: worker.id, message: event.message });
    if (event.type !== 'listening' || worker.server !== undefined || worker.isLeaving) return;
    worker.supervisor.onWorking();
    worker.server = this.registry.add(HOST, event.port);
    log.emit({ type: 'worker-listening', worker: worker.id, server: worker.server });
    // Not before: with every place taken by one that nobody has checked yet, requests would find no server.
    this.registry.onceHealthy(worker.server, () => this.dismissBefore(worker));
  }

  private dismissBefore(worker: Worker): void {
    const { before } = worker;
    worker.before = undefined;
    if (before === undefined) return;
    this.registry.remove(before.server);
    this.dismiss(before.process);
  }

  /** It gets nothing new any more; planes may be waiting for what it has. */
  private dismiss(process: LinkedProcess): void {
    this.dismissed.add(process);
    process.on('exit', () => this.dismissed.delete(process));
    if (this.isUp) this.drainLater(process);
  }

  private drainLater(process: LinkedProcess): void {
    this.deps.clock.after(this.deps.drainTimeoutMs() + LAST_MOMENTS_MS, () => this.drain(process, 0));
  }

  private drain(process: LinkedProcess, deadlineMs: number): void {
    process.send({ type: 'drain', deadlineMs } satisfies WorkerCommand);
  }

  get status(): readonly WorkerStatus[] {
    return this.workers.map(({ id, server, usage, supervisor }) => ({
      id,
      pid: supervisor.current?.pid,
      server,
      usage,
      restarts: supervisor.restarts,
    }));
  }

  private get others(): readonly LinkedProcess[] {
    return [...this.dismissed, ...this.workers.flatMap(({ before }) => (before === undefined ? [] : [before.process]))];
  }

  async stop(deadlineMs: number): Promise<void> {
    for (const process of this.others) this.drain(process, deadlineMs);
    await Promise.all(this.workers.map((worker) => this.stopOne(worker, deadlineMs)));
  }

  private stopOne({ supervisor }: Worker, deadlineMs: number): Promise<void> {
    return supervisor.stop((child) => this.drain(child, deadlineMs), deadlineMs);
  }

  kill(): void {
    for (const { supervisor } of this.workers) supervisor.kill();
    for (const process of this.others) process.kill('SIGKILL');
  }

  /** They go on for another primary. */
  letGo(): void {
    for (const { supervisor } of this.workers) supervisor.letGo()?.letGo();
    for (const process of this.others) process.letGo();
  }
}
