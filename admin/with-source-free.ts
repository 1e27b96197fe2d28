import type { PortMetrics } from '../lb/metrics/plane-metrics.ts';
import type { SourceStatus } from '../lb/source/source-status.ts';

/**
 * The same with `free` and `unusable` as an operator means them: of all ports of the source, also those of blocks that no plane owns.
 * A source that is gone from `sources` keeps what the planes say.
 */
export function withSourceFree(ports: readonly PortMetrics[], sources: readonly SourceStatus[]): PortMetrics[] {
  return ports.map(sourceFreeView(sources));
}

/** That for one at a time. There may be millions, so nothing is looked up by a text that would have to be made for it. */
export function sourceFreeView(sources: readonly SourceStatus[]): (port: PortMetrics) => PortMetrics {
  const pools = new Map<string, Map<string, SourceStatus>>();
  for (const source of sources) {
    const pool = pools.get(source.pool) ?? new Map<string, SourceStatus>();
    pools.set(source.pool, pool.set(source.address, source));
  }
  return (port) => {
    const source = pools.get(port.pool)?.get(port.source);
    if (source === undefined) return port;
    const unusable = port.unusable + source.heldElsewhere;
    return { ...port, unusable, free: Math.max(0, source.ports - port.used - port.quarantined - unusable) };
  };
}
