import type { PortMetrics } from '../../lb/metrics/plane-metrics.ts';

/** The label of all destinations that have none of their own. */
export const OTHER = 'other';

/** The `top` destinations with most ports in use. */
export function findTopDestinations(ports: readonly PortMetrics[], top: number): ReadonlySet<string> {
  const used = new Map<string, number>();
  for (const port of ports) used.set(port.destination, (used.get(port.destination) ?? 0) + port.used);
  const names = [...used].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, top);
  return new Set(names.map(([name]) => name));
}

interface Sums {
  free: number;
  used: number;
  quarantined: number;
  unusable: number;
  leases: number;
}

/** Keeps those destinations and adds up the others, by source, as `other`; `view` is how each is to be seen. */
export function foldPorts(
  ports: readonly PortMetrics[],
  kept: ReadonlySet<string>,
  view: (port: PortMetrics) => PortMetrics = (port) => port,
): PortMetrics[] {
  const others = new Map<string, Map<string, Sums>>();
  const result: PortMetrics[] = [];
  for (const port of ports) {
    const seen = view(port);
    if (kept.has(port.destination)) {
      result.push(seen);
      continue;
    }
    const sums = sumsOf(others, port);
    sums.free += seen.free;
    sums.used += seen.used;
    sums.quarantined += seen.quarantined;
    sums.unusable += seen.unusable;
    sums.leases += seen.leases;
  }
  for (const [pool, sources] of others) {
    for (const [source, sums] of sources) result.push({ pool, source, destination: OTHER, ...sums });
  }
  return result;
}

function sumsOf(others: Map<string, Map<string, Sums>>, { pool, source }: PortMetrics): Sums {
  const sources = others.get(pool) ?? new Map<string, Sums>();
  const known = sources.get(source);
  if (known !== undefined) return known;
  const sums = { free: 0, used: 0, quarantined: 0, unusable: 0, leases: 0 };
  others.set(pool, sources.set(source, sums));
  return sums;
}
