import type { PortMap, Source } from '../api/types.ts';

/** How full one source is towards one destination. */
export interface PairRow {
  readonly kind: 'pair';
  readonly source: Source;
  readonly destination: string;
  /** Ports of the source that can be used at all. */
  readonly ports: number;
  readonly free: number;
  readonly used: number;
  readonly quarantined: number;
  readonly unusable: number;
  /** Null: never. */
  readonly exhaustionSeconds: number | null;
  readonly addAddresses: number;
}

export interface SourceRow {
  readonly kind: 'source';
  readonly source: Source;
  /** Pairs of it that are shown below, and all that there are. */
  readonly shown: number;
  readonly destinations: number;
  /** Of the fullest of them: 1 is full. */
  readonly fullest: number;
}

export type PortRowView = SourceRow | PairRow;

export interface PortFilter {
  readonly pool: string | undefined;
  /** A part of an address or a destination. */
  readonly text: string;
  readonly isBusyOnly: boolean;
}

/** Each source, with its destinations below it, the fullest first. */
export function portRows(map: PortMap, { pool, text, isBusyOnly }: PortFilter): PortRowView[] {
  const { source, destination, free, used, quarantined, unusable, exhaustion_seconds, add_addresses } = map.pairs;
  const bySource = map.sources.map((): number[] => []);
  source.forEach((at, i) => {
    bySource[at]!.push(i);
  });
  return map.sources.flatMap((each, at): PortRowView[] => {
    if (pool !== undefined && each.pool !== pool) return [];
    const isNamed = each.address.includes(text);
    const all = bySource[at]!;
    const shown = all.filter(
      (i) =>
        (isNamed || map.destinations[destination[i]!]!.includes(text)) &&
        (!isBusyOnly || used[i]! + quarantined[i]! > 0),
    );
    if (shown.length === 0 && !isNamed) return [];
    shown.sort((a, b) => free[a]! - free[b]! || used[b]! - used[a]!);
    const least = shown.reduce((least, i) => Math.min(least, free[i]!), each.ports);
    return [
      {
        kind: 'source',
        source: each,
        shown: shown.length,
        destinations: all.length,
        fullest: each.ports === 0 ? 0 : 1 - least / each.ports,
      },
      ...shown.map(
        (i): PairRow => ({
          kind: 'pair',
          source: each,
          destination: map.destinations[destination[i]!]!,
          ports: each.ports,
          free: free[i]!,
          used: used[i]!,
          quarantined: quarantined[i]!,
          unusable: unusable[i]!,
          exhaustionSeconds: exhaustion_seconds[i]!,
          addAddresses: add_addresses[i]!,
        }),
      ),
    ];
  });
}

export const pairKey = (source: string, destination: string): string => `${source} ${destination}`;
