/** How the ports of one source are used towards one destination, by block: element i counts ports i * 128 to i * 128 + 127. */
export interface PortUse {
  readonly pool: string;
  readonly source: string;
  /** `address:port` */
  readonly destination: string;
  readonly used: Uint8Array;
  readonly quarantined: Uint8Array;
  readonly unusable: Uint8Array;
}

/** What several processes have, added up; at most `limit` pairs, those with most busy ports first. */
export function fullestUse(parts: readonly PortUse[], limit: number): PortUse[] {
  const sums = new Map<string, PortUse>();
  for (const part of parts) {
    const key = `${part.pool} ${part.source} ${part.destination}`;
    const sum = sums.get(key);
    if (sum === undefined) {
      sums.set(key, part);
      continue;
    }
    for (const kind of ['used', 'quarantined', 'unusable'] as const) {
      part[kind].forEach((count, block) => {
        sum[kind][block]! += count;
      });
    }
  }
  const total = (counts: Uint8Array): number => counts.reduce((all, count) => all + count, 0);
  return [...sums.values()]
    .map((use) => ({ use, busy: total(use.used) + total(use.quarantined) }))
    .sort((a, b) => b.busy - a.busy)
    .slice(0, limit)
    .map(({ use }) => use);
}
