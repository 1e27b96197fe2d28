import type { BackendState } from '../lb/control/messages.ts';
import type { PlaneMetrics } from '../lb/metrics/plane-metrics.ts';
import type { SourceStatus } from '../lb/source/source-status.ts';

/** One process that Portico runs beside the primary. */
export interface ProcessStatus {
  readonly id: string;
  readonly pid: number | undefined;
  readonly ready: boolean;
  readonly restarts: number;
}

export interface ListenerStatus {
  readonly name: string;
  readonly engine: string;
  /** `address:port`, with the port that is really bound. */
  readonly bind: string;
}

export interface Status {
  readonly version: string;
  readonly pid: number;
  readonly uptimeSeconds: number;
  readonly listeners: readonly ListenerStatus[];
  readonly planes: readonly ProcessStatus[];
  readonly workers: readonly ProcessStatus[];
}

/**
 * What all planes counted. Every count is in here once, in `planes` or in `retired`, and none is ever left out once it has been in:
 * a plane that does not answer is in it with its last report, a plane that died only in `retired`. Otherwise counters would go down.
 */
export interface Traffic {
  /** By plane. */
  readonly planes: ReadonlyMap<string, PlaneMetrics>;
  /** What planes that are gone had counted. */
  readonly retired: PlaneMetrics | undefined;
  /** False when a plane did not answer in time. */
  readonly isComplete: boolean;
}

/** What the admin server shows; the primary has it. */
export interface AdminSource {
  status(): Status;
  backends(): readonly BackendState[];
  /** Asks every plane. Resolves within a time limit of its own, however many planes hang; never rejects. */
  traffic(): Promise<Traffic>;
  /** Why Portico should get no traffic; empty when it should. */
  notReady(): readonly string[];
  /** Every source address, those that are not in use among them. */
  sources(): readonly SourceStatus[];
}
