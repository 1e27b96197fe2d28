import type { PortMetrics } from '../../lb/metrics/plane-metrics.ts';

/** The label of all destinations that have none of their own. */
export const OTHER = 'other';

/** The `top` destinations with most ports in use. */
export function findTopDestinations(ports: readonly PortMetrics[], top: number): ReadonlySet<string> {
  const used = new Map<string, number>();
  for (const port of ports) used.set(port.destination, (used.get(port.destination) ?? 0) + port.used);
  if (used.size <= top) return new Set(used.keys());
  const names = [...used].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, top);
  return new Set(names.map(([name]) => name));
}
