import { rmSync } from 'node:fs';
import { isRunning } from '../../src/process-facts.ts';
import { auditPorts, type PortAudit, strangers } from './audit.ts';
import { withBrokenAnswers } from './broken-answers.ts';
import { clientPortsOf } from './client-ports.ts';
import { describeFault, type Fault, isFront } from './fault.ts';
import { labConfig, SOCKET_SOURCES } from './lab-config.ts';
import { listenerOf } from './lab-listener.ts';
import { LabPortico } from './lab-portico.ts';
import { Load, type LoadOptions } from './load.ts';
import type { LoadCounts } from './load-main.ts';
import { type Disturbance, explain, explainSlice, type Failure } from './oracle.ts';
import { perform } from './perform.ts';
import { SideLoad, type Slice } from './side-load.ts';
import { Surroundings } from './surroundings.ts';

const ADMIN = 9797;
/** What was under way when a fault was over may still fail: a request that hung waits for its time-out, a health check for its turn. */
const SLACK_MS = 8000;

const LAST_LINES = 300;

export interface LaboratoryOptions extends LoadOptions {
  /** Made by the caller, and emptied by `close`. */
  readonly directory: string;
  readonly planes: number;
  readonly workers: number;
  /** Longer than it takes; what a laboratory leaves that is killed ends by then. */
  readonly mostSeconds: number;
  /** wrk and h2load ask as well. */
  readonly withSideLoad: boolean;
  /** NODE_OPTIONS of Portico's processes. */
  readonly nodeOptions?: string;
  /** What happens, as it happens. */
  readonly log: (line: string) => void;
}

export interface Done {
  readonly fault: Fault;
  /** Until all was well again. */
  readonly tookMs: number;
  /** What was measured on the way. */
  readonly note: string;
}

export interface Report extends LoadCounts {
  readonly done: readonly Done[];
  readonly explained: readonly { readonly failure: Failure; readonly by: Disturbance }[];
  readonly unexplained: readonly Failure[];
  /** Of wrk and h2load. */
  readonly slices: readonly { readonly slice: Slice; readonly by: Disturbance | undefined }[];
  /** What did not recover, or was left behind. */
  readonly problems: readonly string[];
  readonly ports: PortAudit;
  readonly leakedProcesses: readonly string[];
  readonly leakedAddresses: readonly string[];
  /** The last that Portico said. */
  readonly lastLines: readonly string[];
}

/** A Portico with servers, workers and clients, in the network namespace of this process, and one who watches all of it. */
export class Laboratory {
  readonly portico: LabPortico;
  readonly surroundings: Surroundings;
  readonly disturbances: Disturbance[] = [];
  private readonly load: Load;
  private readonly sideLoad: SideLoad | undefined;
  private readonly options: LaboratoryOptions;
  private readonly done: Done[] = [];
  private readonly problems: string[] = [];

  private constructor(options: LaboratoryOptions, surroundings: Surroundings, portico: LabPortico) {
    this.options = options;
    this.surroundings = surroundings;
    this.portico = portico;
    this.load = new Load(options);
    this.sideLoad = options.withSideLoad ? new SideLoad({ now: Laboratory.now }, options) : undefined;
  }

  /** Resolves when the clients have begun. */
  static async start(options: LaboratoryOptions): Promise<Laboratory> {
    const { directory, mostSeconds, nodeOptions } = options;
    const surroundings = await Surroundings.create(directory, mostSeconds);
    try {
      const { addresses, logPipe: logFile } = surroundings;
      const config = (generation: number): string =>
        labConfig({ ...options, adminPort: ADMIN, addresses, logFile }, generation);
      const portico = new LabPortico({ directory, adminPort: ADMIN, config, nodeOptions });
      await portico.start();
      await portico.until('healthy servers', async () => {
        const { backends } = await portico.get<{ backends: { servers: { healthy: boolean }[] }[] }>('/backends');
        return backends.every(({ servers }) => servers.length > 0 && servers.every(({ healthy }) => healthy));
      });
      return new Laboratory(options, surroundings, portico);
    } catch (error) {
      await endAll(surroundings, directory);
      throw error;
    }
  }

  static now(): number {
    return performance.timeOrigin + performance.now();
  }

  /** Each fault at its time; resolves when the last one has been recovered from. */
  async run(schedule: readonly Fault[]): Promise<void> {
    const startedMs = performance.now();
    const lane = async (faults: readonly Fault[]): Promise<void> => {
      for (const fault of faults) {
        const inMs = fault.atMs - (performance.now() - startedMs);
        if (inMs > 0) await new Promise((resolve) => setTimeout(resolve, inMs));
        await this.befall(fault);
      }
    };
    const front = schedule.filter(({ kind }) => isFront(kind));
    await Promise.all([lane(front), lane(schedule.filter((fault) => !front.includes(fault)))]);
  }

  private async befall(fault: Fault): Promise<void> {
    const startedMs = performance.now();
    try {
      const note = await perform(this, fault);
      const tookMs = performance.now() - startedMs;
      this.done.push({ fault, tookMs, note });
      this.options.log(`${describeFault(fault)}: ${Math.round(tookMs)} ms${note === '' ? '' : `, ${note}`}`);
    } catch (error) {
      this.problems.push(`${describeFault(fault)}: ${(error as Error).message}`);
      this.options.log(`${describeFault(fault)}: ${(error as Error).message}`);
    }
  }

  /** What a fault may do from now on. Returns what to call when it is over; a little more may fail after that. */
  disturb(fault: Fault, what: Omit<Disturbance, 'fault' | 'fromMs' | 'untilMs'>): () => void {
    const disturbance = { fault: fault.kind, fromMs: Laboratory.now(), untilMs: Number.POSITIVE_INFINITY, ...what };
    this.disturbances.push(disturbance);
    return () => {
      disturbance.untilMs = Laboratory.now() + SLACK_MS;
    };
  }

  clientPorts(pid: number): ReadonlySet<number> {
    return clientPortsOf(pid, [listenerOf('web').port, listenerOf('raw').port]);
  }

  expectGeneration(generation: number): void {
    this.load.expectGeneration(generation);
  }

  /** So far. */
  counts(): Promise<LoadCounts> {
    return this.load.counts();
  }

  get unexplained(): readonly Failure[] {
    return this.failures.filter((failure) => explain(failure, this.disturbances) === undefined);
  }

  private get failures(): readonly Failure[] {
    const { brokenAnswers } = this.surroundings;
    return this.load.failures.map((failure) => withBrokenAnswers(failure, brokenAnswers));
  }

  /** Stops the clients, then Portico, and looks at what is left. */
  async finish(): Promise<Report> {
    const { portico, load, sideLoad, options, surroundings } = this;
    const { requests, webSocketsOpened, webSocketsOpen, messages } = await load.counts();
    await Promise.all([load.stop(), sideLoad?.stop()]);
    const ports = await auditPorts(portico, SOCKET_SOURCES);
    const { pid } = await portico.status();
    process.kill(pid, 'SIGTERM');
    await portico
      .until('the end of the primary', async () => !isRunning(pid))
      .catch((error: Error) => this.problems.push(error.message));
    load.end();
    const known = [...surroundings.pids, load.child.pid!];
    // Its helpers see that it has ended, and end.
    await portico.until('the end of its helpers', async () => strangers(known).length === 0).catch(() => {});
    // What the kernel engine has is meant to outlive Portico.
    portico.flush();
    const explained = this.failures.flatMap((failure) => {
      const by = explain(failure, this.disturbances);
      return by === undefined ? [] : [{ failure, by }];
    });
    options.log(`${requests} requests, ${load.failures.length} failures`);
    return {
      requests,
      webSocketsOpened,
      webSocketsOpen,
      messages,
      done: this.done,
      explained,
      unexplained: this.unexplained,
      slices: (sideLoad?.slices ?? []).map((slice) => ({ slice, by: explainSlice(slice, this.disturbances) })),
      problems: this.problems,
      ports,
      leakedProcesses: strangers(known),
      leakedAddresses: Surroundings.claimed(),
      lastLines: portico.logSince(0).split('\n').slice(-LAST_LINES),
    };
  }

  /** Leaves nothing behind, whatever has happened. */
  async close(): Promise<void> {
    this.load.end();
    this.sideLoad?.end();
    await endAll(this.surroundings, this.options.directory);
  }
}

async function endAll(surroundings: Surroundings, directory: string): Promise<void> {
  for (const line of strangers(surroundings.pids)) process.kill(Number(line.split(' ')[0]), 'SIGKILL');
  await surroundings.stop();
  rmSync(directory, { recursive: true, force: true });
}
