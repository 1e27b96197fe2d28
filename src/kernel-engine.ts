import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import type { AvoidedPorts, PlaneCommand, PortBlock, SourceUpdate } from '../lb/control/messages.ts';
import type { NatCommand, NatEvent } from '../lb/control/nat-messages.ts';
import type { Engine, EngineSnapshot } from '../lb/engine/engine.ts';
import type { TrafficMetrics } from '../lb/metrics/plane-metrics.ts';
import { sumTraffic } from '../lb/metrics/sum-plane-metrics.ts';
import type { BlockLedger } from '../lb/source/block-ledger.ts';
import type { PortBroker } from '../lb/source/port-broker.ts';
import type { PortUse } from '../lb/source/port-use.ts';
import type { EventLog } from './event-log.ts';
import type { Lineage } from './lineage.ts';
import { killStrayKernelProcess, noteKernelProcess } from './stray-kernel-process.ts';
import { Supervisor } from './supervisor.ts';
import { heartbeatOf } from './watch-process.ts';

const PROGRAM = 'nat-main.js';
const NAT_MAIN = fileURLToPath(new URL(`../lb/${PROGRAM}`, import.meta.url));
/** The owner of the ports that the kernel's rules give out. */
export const KERNEL = 'kernel';
/**
 * V8's helper threads, four by default, have a heap of malloc's each, which grow with the collections that they take part in: from 5 to 9 MiB within
 * three minutes of faults, where those of one stayed at 3. One is enough for a process that does little.
 */
const FLAGS = ['--v8-pool-size=1'];
const ANSWER_MS = 1000;
const PART_MS = 2000;

export interface KernelEngineDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly ledger: BlockLedger;
  readonly broker: PortBroker;
  readonly log: EventLog;
  readonly lineage: Pick<Lineage, 'directory'>;
  readonly pools: () => Config['sources'];
  readonly sources: () => readonly SourceUpdate[];
  readonly avoided: () => readonly AvoidedPorts[];
  readonly onReturn: (owner: string, blocks: readonly PortBlock[]) => void;
}

/**
 * Listeners that the kernel forwards for. The work is done in a process of its own, as a library that is not ours runs in it, and as reading
 * the kernel's connections takes time; this starts it, and starts it anew. Traffic goes on without it, and without the primary: neither a
 * drain nor a stop ends a connection or removes a rule, and the next start takes them over.
 */
export class KernelEngine implements Engine {
  private readonly deps: KernelEngineDeps;
  private readonly supervisor: Supervisor<ChildProcess>;
  private snapshot: EngineSnapshot | undefined = undefined;
  private isReady = false;
  private last: TrafficMetrics | undefined = undefined;
  /** What processes that are gone had counted. */
  private retired: TrafficMetrics | undefined = undefined;
  private onReady: (() => void) | undefined = undefined;
  private onFailed: ((error: Error) => void) | undefined = undefined;
  private readonly answers = new Map<number, (use: readonly PortUse[]) => void>();
  private nextQuestion = 1;

  constructor(deps: KernelEngineDeps, { heartbeatMs }: Pick<Config, 'heartbeatMs'>) {
    this.deps = deps;
    const { clock, random, log } = deps;
    this.supervisor = new Supervisor({
      clock,
      random,
      spawn: () => fork(NAT_MAIN, { serialization: 'advanced', execArgv: [...FLAGS, ...process.execArgv] }),
      onStart: (child) => this.watch(child, heartbeatMs),
      onDeath: (cause, delayMs) => {
        this.isReady = false;
        this.retire();
        log.emit({ type: 'plane-died', plane: KERNEL, cause, restartInMs: Math.round(delayMs) });
      },
    });
  }

  start(snapshot: EngineSnapshot): Promise<void> {
    this.snapshot = snapshot;
    const stray = killStrayKernelProcess(this.deps.lineage.directory, PROGRAM);
    if (stray !== undefined) {
      const message = `${KERNEL} (process ${stray}) of an earlier run was still there and was killed`;
      this.deps.log.emit({ type: 'notice', message });
    }
    return new Promise((resolve, reject) => {
      this.onReady = resolve;
      this.onFailed = reject;
      this.supervisor.start();
    });
  }

  apply(snapshot: EngineSnapshot): void {
    this.snapshot = snapshot;
    this.send({ type: 'apply', snapshot });
  }

  /** From the primary's part in ports. What is only for those who hold sockets is passed over. */
  tell(command: PlaneCommand): void {
    switch (command.type) {
      case 'grant':
      case 'sources':
      case 'avoid':
      case 'wanted':
        this.send(command);
        return;
      default:
    }
  }

  /** One that hangs keeps no port, and finds none that have come back. */
  private watch(child: ChildProcess, timeoutMs: number): void {
    if (child.pid !== undefined) noteKernelProcess(this.deps.lineage.directory, child.pid);
    const ask = (): void => void child.send({ type: 'ping' } satisfies NatCommand, () => {});
    const heartbeat = heartbeatOf(
      { ...this.deps, ask, kill: () => child.kill('SIGKILL') },
      { name: KERNEL, timeoutMs },
    );
    child.on('message', (event: NatEvent) => {
      heartbeat.heard();
      this.handle(child, event);
    });
    child.on('exit', () => heartbeat.stop());
    heartbeat.start();
  }

  private send(command: NatCommand): void {
    // A process that is just dying has no channel any more; its exit is on the way.
    this.supervisor.current?.send(command, () => {});
  }

  private handle(child: ChildProcess, event: NatEvent): void {
    const { ledger, broker, log, sources, avoided } = this.deps;
    switch (event.type) {
      case 'hello':
        for (const ports of avoided()) this.send({ type: 'avoid', ...ports });
        this.send({
          type: 'start',
          sources: this.deps.pools(),
          updates: sources(),
          snapshot: this.snapshot!,
          blocks: ledger.ownedBy(KERNEL),
        });
        broker.tellWanted(KERNEL);
        return;
      case 'adopt':
        child.send({ type: 'grant', blocks: broker.adopt(KERNEL, event.blocks) }, () => {});
        return;
      case 'pong':
        return;
      case 'ready':
        this.isReady = true;
        log.emit({ type: 'plane-ready', plane: KERNEL });
        this.onReady?.();
        return;
      case 'failed': {
        const error = new KernelEngineError(event.message);
        if (this.onFailed !== undefined && !this.isReady) this.onFailed(error);
        log.emit({ type: 'notice', message: error.message });
        return;
      }
      case 'low':
        broker.onLow(KERNEL, event.pool, event.blocks, event.isStarved);
        return;
      case 'return':
        this.deps.onReturn(KERNEL, event.blocks);
        return;
      case 'port-use':
        this.answers.get(event.id)?.(event.use);
        return;
      case 'report':
        this.last = event.metrics;
        return;
      case 'notice':
        log.emit(event);
        return;
      default:
        event satisfies never;
    }
  }

  /** Half a second old at most. */
  counters(): TrafficMetrics {
    return sumTraffic([this.retired, this.last].filter((part) => part !== undefined));
  }

  /** Its counters stay, its gauges went with it. */
  private retire(): void {
    if (this.last === undefined) return;
    const { last } = this;
    this.last = undefined;
    const counters: TrafficMetrics = {
      ...last,
      listeners: last.listeners.map((listener) => ({ ...listener, connections: 0 })),
      servers: last.servers.map((server) => ({ ...server, active: 0 })),
      ports: [],
    };
    this.retired = this.retired === undefined ? counters : sumTraffic([this.retired, counters]);
  }

  /** Nothing where the process does not answer in time. */
  portUse(filter: { readonly source?: string; readonly destination?: string }): Promise<readonly PortUse[]> {
    if (!this.isReady) return Promise.resolve([]);
    const id = this.nextQuestion++;
    return new Promise((resolve) => {
      const settle = (use: readonly PortUse[]): void => {
        this.deps.clock.clear(timer);
        this.answers.delete(id);
        resolve(use);
      };
      const timer = this.deps.clock.after(ANSWER_MS, () => settle([]));
      this.answers.set(id, settle);
      this.send({ ...filter, type: 'port-use', id });
    });
  }

  get status(): {
    readonly id: string;
    readonly pid: number | undefined;
    readonly ready: boolean;
    readonly restarts: number;
  } {
    return { id: KERNEL, pid: this.supervisor.current?.pid, ready: this.isReady, restarts: this.supervisor.restarts };
  }

  /** There is nothing to wait for: connections go on without us. */
  drain(): Promise<void> {
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.isReady = false;
    await this.supervisor.stop((child) => child.send({ type: 'part' } satisfies NatCommand, () => {}), PART_MS);
  }
}

/** The kernel engine cannot run; the message is one sentence that says what to do. */
export class KernelEngineError extends Error {
  readonly code = 'KERNEL_ENGINE';
  readonly source = 'local';
  readonly retryable = false;
}
