import type { PortMetrics } from '../lb/metrics/plane-metrics.ts';
import type { SourceStatus } from '../lb/source/source-status.ts';

/**
 * The same with `free` as an operator means it: all usable ports of the source that are not taken towards the destination, also those
 * of blocks that no plane owns yet. A source that is gone from `sources` keeps what the planes say.
 */
export function withSourceFree(ports: readonly PortMetrics[], sources: readonly SourceStatus[]): PortMetrics[] {
  const usable = new Map(sources.map((source) => [`${source.pool}\n${source.address}`, source.ports]));
  return ports.map((port) => {
    const all = usable.get(`${port.pool}\n${port.source}`);
    if (all === undefined) return port;
    return { ...port, free: Math.max(0, all - port.used - port.quarantined - port.unusable) };
  });
}
