import type { PortMetrics } from '../lb/metrics/plane-metrics.ts';
import type { SourceStatus } from '../lb/source/source-status.ts';

/**
 * The same with `free` and `unusable` as an operator means them: of all ports of the source, also those of blocks that no plane owns.
 * A source that is gone from `sources` keeps what the planes say.
 */
export function withSourceFree(ports: readonly PortMetrics[], sources: readonly SourceStatus[]): PortMetrics[] {
  const byKey = new Map(sources.map((source) => [`${source.pool}\n${source.address}`, source]));
  return ports.map((port) => {
    const source = byKey.get(`${port.pool}\n${port.source}`);
    if (source === undefined) return port;
    const unusable = port.unusable + source.heldElsewhere;
    return { ...port, unusable, free: Math.max(0, source.ports - port.used - port.quarantined - unusable) };
  });
}
