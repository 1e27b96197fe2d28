import type { CounterSums } from './counter-sums.ts';
import type { HaproxyBackend } from './haproxy-plan.ts';
import { type LineState, sizeOf } from './line-steering.ts';
import type { StatRow } from './stat-table.ts';

/**
 * Counts what waited for a port in vain. HAProxy does not say so itself: a failure that it counts for a backend and for none of its servers is
 * one that no server was found for. That is for want of ports where servers are up and nothing else limits the lines.
 */
export class PortShortages {
  private readonly counts = new Map<string, number>();
  private readonly last = new Map<string, number>();

  read(
    proxies: readonly HaproxyBackend[],
    rows: readonly StatRow[],
    sums: CounterSums,
    states: readonly LineState[],
  ): void {
    for (const { name, backend } of proxies) {
      const unplaced = sums.of(name, 'BACKEND', 'econ') - sums.ofServers(name, 'econ');
      const grown = unplaced - (this.last.get(name) ?? 0);
      this.last.set(name, unplaced);
      if (grown <= 0) continue;
      const isUp = rows.some((row) => row.proxy === name && row.name === 'BACKEND' && row.text('status') === 'UP');
      const isByPorts = states
        .filter(({ line }) => line.proxy.name === name)
        .every(({ line }) => line.most + line.idle >= sizeOf(line));
      if (isUp && isByPorts) this.counts.set(backend.source, (this.counts.get(backend.source) ?? 0) + grown);
    }
  }

  get exhausted(): readonly { readonly pool: string; readonly outcome: string; readonly count: number }[] {
    return [...this.counts].map(([pool, count]) => ({ pool, outcome: 'queue-timeout', count }));
  }
}
