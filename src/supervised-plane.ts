import type { PlaneMetrics } from '../lb/metrics/plane-metrics.ts';
import type { LinkedProcess } from './linked-process.ts';
import type { ReportingPlane } from './plane-reports.ts';
import type { Supervisor } from './supervisor.ts';

/** A plane that is started anew when it dies. */
export interface SupervisedPlane extends ReportingPlane {
  readonly supervisor: Supervisor<LinkedProcess>;
  /** It has a config. */
  isStarted: boolean;
  /** It is one too many, and ends. */
  isLeaving: boolean;
  /** While it is to take over another config: hears of that, or of why not. */
  onConfigured: ((failure?: Error) => void) | undefined;
}

/** What the next primary is to know, and planes keep for it. */
export interface PlanesMemo {
  readonly retired: PlaneMetrics | undefined;
  readonly restarts: Readonly<Record<string, number>>;
}
