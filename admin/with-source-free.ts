import type { PortMetrics } from '../lb/metrics/plane-metrics.ts';
import type { SourceStatus } from '../lb/source/source-status.ts';

/**
 * The same with `free` and `unusable` as an operator means them: of all ports of the source, also those of blocks that no plane owns.
 * A source that is gone from `sources` keeps what the planes say.
 */
export function withSourceFree(ports: readonly PortMetrics[], sources: readonly SourceStatus[]): PortMetrics[] {
  const sourceOf = sourceFinder(sources);
  return ports.map((port) => {
    const source = sourceOf(port.pool, port.source);
    if (source === undefined) return port;
    return { ...port, unusable: port.unusable + source.heldElsewhere, free: freePorts(source, port) };
  });
}

/** Of all ports of the source, those that are not taken towards the destination. */
export function freePorts(source: SourceStatus, { used, quarantined, unusable }: PortMetrics): number {
  return Math.max(0, source.ports - used - quarantined - unusable - source.heldElsewhere);
}

/** There may be millions of pairs, so nothing is looked up by a text that would have to be made for it. */
export function sourceFinder(
  sources: readonly SourceStatus[],
): (pool: string, address: string) => SourceStatus | undefined {
  const pools = new Map<string, Map<string, SourceStatus>>();
  for (const source of sources) {
    const pool = pools.get(source.pool) ?? new Map<string, SourceStatus>();
    pools.set(source.pool, pool.set(source.address, source));
  }
  return (pool, address) => pools.get(pool)?.get(address);
}
