import { availableParallelism } from 'node:os';
import type {
  SystemChange,
  SystemChangeRequest,
  SystemReport,
  SystemSource,
  SystemSummary,
} from '../admin/system-source.ts';
import type { Config } from '../config/config.ts';
import type { Clock, Timer } from '../lb/clock.ts';
import { readPortSettings } from '../lb/kernel/port-settings.ts';
import type { EventLog } from './event-log.ts';
import { DEFAULT_TARGET, type Demand, demandOf } from './system/demand.ts';
import { LimitWatcher } from './system/limit-watcher.ts';
import { Machine } from './system/machine.ts';
import { type Nftables, readNftablesMeanwhile } from './system/nftables.ts';
import { countSeverity, type SystemReport as Report } from './system/report.ts';
import { reportJson } from './system/report-json.ts';
import { SystemError, type SystemErrorCode } from './system/system-error.ts';
import { reloadServices } from './system/systemd.ts';
import { type ChangeResult, SystemTuner } from './system/tuner.ts';

export interface SystemServiceDeps {
  readonly clock: Clock;
  readonly log: EventLog;
  /** Client connections that are open. */
  readonly connections: () => Promise<number>;
  /** Default: the one that this runs on. */
  readonly machine?: Machine;
}

const PERIOD_MS = 10_000;
/** Limits of what goes on with servers: clients that say nothing do not count there, and ports have a forecast of their own. */
const OF_SERVERS: ReadonlySet<string> = new Set(['ports', 'per-server']);

/** The machine as a running Portico sees it: for the admin server, and to say in time that a limit comes near. */
export class SystemService implements SystemSource {
  private readonly deps: SystemServiceDeps;
  private config: Config;
  private readonly machine: Machine;
  private readonly tuner: SystemTuner;
  private readonly watcher = new LimitWatcher();
  private timer: Timer | undefined = undefined;
  private connections = 0;
  private last: Report | undefined = undefined;

  constructor(deps: SystemServiceDeps, config: Config) {
    this.deps = deps;
    this.config = config;
    this.machine = deps.machine ?? new Machine();
    this.tuner = new SystemTuner(
      { machine: this.machine, reloadServices },
      { cpuCount: availableParallelism(), isRoot: process.geteuid?.() === 0 },
    );
  }

  /** From now on it is this one that the machine has to be fit for. */
  configure(config: Config): void {
    this.config = config;
    this.last = undefined;
  }

  start(): void {
    this.timer = this.deps.clock.every(PERIOD_MS, () => void this.look());
  }

  /** Idempotent. */
  stop(): void {
    this.deps.clock.clear(this.timer);
    this.timer = undefined;
  }

  report(target?: number): SystemReport {
    return reportJson(this.tuner.inspect(this.demand(target), { used: this.connections }));
  }

  apply({ target, only, isDryRun }: SystemChangeRequest): SystemChange {
    return this.change(() => this.tuner.apply(this.demand(target), { only, isDryRun }));
  }

  undo({ only, isDryRun }: SystemChangeRequest): SystemChange {
    return this.change(() => this.tuner.undo({ only, isDryRun }));
  }

  summary(): SystemSummary {
    this.last ??= this.inspect();
    const { findings, capacity } = this.last;
    return {
      findings: { warn: countSeverity(findings, 'warn'), fail: countSeverity(findings, 'fail') },
      capacity: Object.fromEntries(capacity.map(({ id, connections }) => [id, connections])),
    };
  }

  private async look(): Promise<void> {
    this.connections = await this.deps.connections();
    const isForwarding = this.config.listeners.some(({ engine }) => engine === 'kernel');
    this.last = this.inspect(isForwarding ? await readNftablesMeanwhile(this.machine) : undefined);
    const event = this.watcher.observe(
      this.connections,
      this.last.capacity.filter(({ id }) => !OF_SERVERS.has(id)),
    );
    if (event !== undefined) this.deps.log.emit(event);
  }

  private inspect(nftables?: Nftables): Report {
    return this.tuner.inspect(this.demand(undefined), { used: this.connections, nftables });
  }

  /** Settings of ports are read again each time: they may have been changed meanwhile. */
  private demand(target: number | undefined): Demand {
    return demandOf(
      this.config,
      target ?? DEFAULT_TARGET,
      readPortSettings((path) => this.machine.read(path) ?? ''),
    );
  }

  private change(run: () => ChangeResult): SystemChange {
    try {
      const result = run();
      this.last = undefined;
      return { ok: true, ...result };
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return { ok: false, reason: reasonOf(error.code), detail: error.message, commands: error.commands };
    }
  }
}

function reasonOf(code: SystemErrorCode): Extract<SystemChange, { readonly ok: false }>['reason'] {
  switch (code) {
    case 'SYSTEM_PERMISSION':
      return 'denied';
    case 'SYSTEM_UNKNOWN_SETTING':
      return 'unknown';
    case 'SYSTEM_LOCKED':
    case 'SYSTEM_FOREIGN_FILE':
    case 'SYSTEM_REFUSED':
    case 'SYSTEM_JOURNAL':
      return 'conflict';
    case 'SYSTEM_DISK':
      return 'full';
    default:
      return code satisfies never;
  }
}
