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

/** Keeps those destinations and adds up the others, by source, as `other`. */
export function foldPorts(ports: readonly PortMetrics[], kept: ReadonlySet<string>): PortMetrics[] {
  const folded = new Map<string, PortMetrics>();
  const result: PortMetrics[] = [];
  for (const port of ports) {
    if (kept.has(port.destination)) {
      result.push(port);
      continue;
    }
    const key = `${port.pool}\n${port.source}`;
    const sum = folded.get(key);
    folded.set(key, {
      ...port,
      destination: OTHER,
      leases: (sum?.leases ?? 0) + port.leases,
      free: (sum?.free ?? 0) + port.free,
      used: (sum?.used ?? 0) + port.used,
      quarantined: (sum?.quarantined ?? 0) + port.quarantined,
      unusable: (sum?.unusable ?? 0) + port.unusable,
    });
  }
  return [...result, ...folded.values()];
}
