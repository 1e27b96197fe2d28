import type { PortMetrics } from '../lb/metrics/plane-metrics.ts';
import type { SourceStatus } from '../lb/source/source-status.ts';
import { freePorts } from './with-source-free.ts';

export interface PairFilter {
  readonly pool: string | undefined;
  /** A part of a source's address, or of a destination; '' for all. */
  readonly text: string;
  readonly isBusyOnly: boolean;
  readonly offset: number;
  readonly limit: number;
}

export interface SourceGroup {
  readonly source: SourceStatus;
  /** Pairs of it that the filter leaves, and all that there are. */
  readonly shown: number;
  readonly destinations: number;
  /** Of the fullest of those shown: 1 is full. */
  readonly fullest: number;
}

export interface PortPage {
  readonly groups: readonly SourceGroup[];
  /** Pairs that the filter leaves, of all sources. */
  readonly total: number;
  /** `group`: index into `groups`. */
  readonly pairs: readonly { readonly group: number; readonly free: number; readonly port: PortMetrics }[];
}

/**
 * A part of all pairs of a source and a destination: by source, and of each source the fullest first. There may be millions, so only what is
 * of the sources that the part is about is sorted.
 */
export function portPage(
  ports: readonly PortMetrics[],
  sources: readonly SourceStatus[],
  { pool, text, isBusyOnly, offset, limit }: PairFilter,
): PortPage {
  const bySource = groupBySource(ports);
  const groups: SourceGroup[] = [];
  const pairs: PortPage['pairs'][number][] = [];
  let total = 0;
  for (const source of sources) {
    if (pool !== undefined && source.pool !== pool) continue;
    const all = bySource.get(source.pool)?.get(source.address) ?? [];
    const isNamed = source.address.includes(text);
    const shown = all.filter(
      ({ destination, used, quarantined }) =>
        (isNamed || destination.includes(text)) && (!isBusyOnly || used + quarantined > 0),
    );
    if (shown.length === 0 && !isNamed) continue;
    const least = shown.reduce((least, port) => Math.min(least, freePorts(source, port)), source.ports);
    const fullest = source.ports === 0 ? 0 : 1 - least / source.ports;
    const from = Math.max(0, offset - total);
    const to = Math.min(shown.length, offset + limit - total);
    if (from < to) {
      const group = groups.length;
      pairs.push(
        ...shown
          .map((port) => ({ group, port, free: freePorts(source, port) }))
          .sort((a, b) => a.free - b.free || b.port.used - a.port.used)
          .slice(from, to),
      );
    }
    groups.push({ source, shown: shown.length, destinations: all.length, fullest });
    total += shown.length;
  }
  return { groups, total, pairs };
}

/** By pool, then address. */
function groupBySource(ports: readonly PortMetrics[]): Map<string, Map<string, PortMetrics[]>> {
  const pools = new Map<string, Map<string, PortMetrics[]>>();
  for (const port of ports) {
    const sources = pools.get(port.pool) ?? new Map<string, PortMetrics[]>();
    const list = sources.get(port.source);
    if (list === undefined) pools.set(port.pool, sources.set(port.source, [port]));
    else list.push(port);
  }
  return pools;
}
