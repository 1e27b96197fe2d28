import type { StreamMetrics, StreamOutcome } from './plane-metrics.ts';

/** Connections of one listener to one backend, for engines that relay them as they are. */
export class StreamCounters {
  bytesIn = 0;
  bytesOut = 0;
  private readonly listener: string;
  private readonly backend: string;
  private readonly outcomes = new Map<StreamOutcome, number>();

  constructor(listener: string, backend: string) {
    this.listener = listener;
    this.backend = backend;
  }

  record(outcome: StreamOutcome): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  snapshot(): StreamMetrics {
    return {
      listener: this.listener,
      backend: this.backend,
      outcomes: [...this.outcomes].map(([outcome, count]) => ({ outcome, count })),
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
    };
  }
}
