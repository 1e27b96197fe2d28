import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { residentBytes } from './resident-bytes.ts';

/** What a process of ours takes. */
export interface ProcessUsage {
  readonly residentBytes: number;
  /** Since its start. */
  readonly cpuSeconds: number;
  /** 99th percentile since the reading before. */
  readonly eventLoopLagSeconds: number;
}

/** Each looking costs a turn of the loop. */
const RESOLUTION_MS = 100;

/** Watches the event loop of this process from its making on. */
export class OwnUsage {
  private readonly delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.delay.enable();
  }

  readonly read = (): ProcessUsage => {
    const { user, system } = process.cpuUsage();
    const eventLoopLagSeconds = this.delay.count > 0 ? this.delay.percentile(99) / 1e9 : 0;
    this.delay.reset();
    return { residentBytes: residentBytes(), cpuSeconds: (user + system) / 1e6, eventLoopLagSeconds };
  };
}
