import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { WorkersConfig } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import type { WorkerCommand, WorkerEvent } from '../lb/control/messages.ts';
import type { ProcessUsage } from '../lb/own-usage.ts';
import type { EventLog } from './event-log.ts';
import type { ServerRegistry } from './server-registry.ts';
import { Supervisor } from './supervisor.ts';

const WORKER_MAIN = fileURLToPath(new URL('./worker-main.js', import.meta.url));
const HOST = '127.0.0.1';

interface Worker {
  readonly id: string;
  readonly supervisor: Supervisor;
  server: string | undefined;
  usage: ProcessUsage | undefined;
  readonly module: string;
  /** Another config does without it. */
  isLeaving: boolean;
}

export interface WorkerStatus {
  readonly id: string;
  readonly pid: number | undefined;
  readonly server: string | undefined;
  readonly restarts: number;
  /** Undefined until it has told. */
  readonly usage: ProcessUsage | undefined;
}

/** The worker processes of one backend. Each is a server of it from the moment it listens to the moment it dies. */
export class WorkerGroup {
  private readonly deps: { readonly clock: Clock; readonly random: () => number; readonly log: EventLog };
  private readonly registry: ServerRegistry;
  private readonly workers: Worker[] = [];
  private added = 0;

  constructor(deps: WorkerGroup['deps'], registry: ServerRegistry) {
    this.deps = deps;
    this.registry = registry;
  }

  /** Starts those that are missing; those that are too many, or run another module, leave by `settle`. */
  start(config: WorkersConfig | undefined): void {
    const { module = '', count = 0 } = config ?? {};
    let missing = count;
    for (const worker of this.workers) {
      worker.isLeaving = worker.module !== module || missing === 0;
      if (!worker.isLeaving) missing--;
    }
    for (; missing > 0; missing--) this.add(module);
  }

  /** Servers that leave by `settle`. */
  get leaving(): readonly string[] {
    return this.workers.flatMap(({ isLeaving, server }) => (isLeaving && server !== undefined ? [server] : []));
  }

  /** No request goes to those that leave any more; they finish what they have, and end. */
  settle(deadlineMs: number): void {
    for (const worker of this.workers.filter(({ isLeaving }) => isLeaving)) {
      if (worker.server !== undefined) this.registry.remove(worker.server);
      worker.server = undefined;
      void this.stopOne(worker, deadlineMs).then(() => this.workers.splice(this.workers.indexOf(worker), 1));
    }
  }

  private add(module: string): void {
    const { clock, random, log } = this.deps;
    const id = `${this.registry.config.name}-${++this.added}`;
    const worker: Worker = {
      id,
      server: undefined,
      usage: undefined,
      module,
      isLeaving: false,
      supervisor: new Supervisor({
        clock,
        random,
        spawn: () => fork(WORKER_MAIN, [module], { execArgv: process.execArgv }),
        onStart: (child) => {
          child.on('message', (event: WorkerEvent) => {
            if (event.type === 'failed') {
              log.emit({ type: 'worker-failed', worker: id, message: event.message });
              return;
            }
            if (event.type === 'usage') {
              worker.usage = event.usage;
              return;
            }
            if (worker.isLeaving) return;
            worker.server = this.registry.add(HOST, event.port);
            log.emit({ type: 'worker-listening', worker: id, server: worker.server });
          });
        },
        onDeath: (cause, delayMs) => {
          // Gone before any health check could notice: no request is sent there any more.
          if (worker.server !== undefined) this.registry.remove(worker.server);
          worker.server = undefined;
          worker.usage = undefined;
          log.emit({ type: 'worker-died', worker: id, cause, restartInMs: Math.round(delayMs) });
        },
      }),
    };
    this.workers.push(worker);
    worker.supervisor.start();
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

  async stop(deadlineMs: number): Promise<void> {
    await Promise.all(this.workers.map((worker) => this.stopOne(worker, deadlineMs)));
  }

  private stopOne({ supervisor }: Worker, deadlineMs: number): Promise<void> {
    const command: WorkerCommand = { type: 'drain', deadlineMs };
    return supervisor.stop((child) => child.send(command, () => {}), deadlineMs);
  }

  kill(): void {
    for (const { supervisor } of this.workers) supervisor.kill();
  }
}
