import type { PortForecast } from '../lb/forecast/forecaster.ts';
import type { TrafficMetrics } from '../lb/metrics/plane-metrics.ts';
import type { SourceStatus } from '../lb/source/source-status.ts';

export interface PoolSummary {
  readonly name: string;
  readonly addresses: number;
  readonly ready: number;
  readonly draining: number;
  /** Ports of the addresses that are ready: what can be reached at once of each destination. */
  readonly ports: number;
  readonly used: number;
  readonly quarantined: number;
  readonly destinations: number;
  /** Connections that wait for a port. */
  readonly queued: number;
  /** Times that no port was free, by what became of it. */
  readonly exhausted: { outcome: string; count: number }[];
  /** The first of the addresses that are lost or refused. */
  readonly trouble: { address: string; reason: string }[];
  /** The destination that has least left; null: none is connected to. */
  readonly tightest: {
    destination: string;
    busy: number;
    capacity: number;
    /** Null: never. */
    exhaustion_seconds: number | null;
    add_addresses: number;
  } | null;
}

const MAX_TROUBLE = 5;

/** Runs out first; among those that never do, the fullest. */
function isTighter(a: PortForecast, b: PortForecast): boolean {
  if (a.exhaustionSeconds !== b.exhaustionSeconds) return a.exhaustionSeconds < b.exhaustionSeconds;
  return a.busy / Math.max(1, a.capacity) > b.busy / Math.max(1, b.capacity);
}

/** The pools in a few numbers each, however many destinations they reach. `whole` is the sum of all that ever counted. */
export function summarizePools(
  names: Iterable<string>,
  sources: readonly SourceStatus[],
  forecasts: readonly PortForecast[],
  live: TrafficMetrics,
  whole: TrafficMetrics,
): PoolSummary[] {
  return [...names].map((name) => {
    const own = sources.filter(({ pool }) => pool === name);
    const ready = own.filter(({ state }) => state.kind === 'ready');
    const totals = forecasts.filter(({ pool, source }) => pool === name && source === undefined);
    const tightest = totals.reduce<PortForecast | undefined>(
      (best, each) => (best === undefined || isTighter(each, best) ? each : best),
      undefined,
    );
    let used = 0;
    let quarantined = 0;
    for (const port of live.ports) {
      if (port.pool !== name) continue;
      used += port.used;
      quarantined += port.quarantined;
    }
    return {
      name,
      addresses: own.length,
      ready: ready.length,
      draining: own.filter(({ state }) => state.kind === 'draining').length,
      ports: ready.reduce((sum, { ports }) => sum + ports, 0),
      used,
      quarantined,
      destinations: totals.length,
      queued: live.queueDepth.find(({ pool }) => pool === name)?.depth ?? 0,
      exhausted: whole.exhausted.filter(({ pool }) => pool === name).map(({ outcome, count }) => ({ outcome, count })),
      trouble: own
        .flatMap(({ address, state }) => ('reason' in state ? [{ address, reason: state.reason }] : []))
        .slice(0, MAX_TROUBLE),
      tightest:
        tightest === undefined
          ? null
          : {
              destination: tightest.destination,
              busy: tightest.busy,
              capacity: tightest.capacity,
              exhaustion_seconds: Number.isFinite(tightest.exhaustionSeconds) ? tightest.exhaustionSeconds : null,
              add_addresses: tightest.addAddresses,
            },
    };
  });
}
