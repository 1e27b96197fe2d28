import { BLOCK_PORTS } from './port-block.ts';
import type { SourceFamily } from './source-family.ts';
import type { SourcePorts } from './source-ports.ts';

/** With half of the ports free, the low mark of a quarter is far enough that the blocks are not asked for again at once. */
const PORTS_PER_BUSY_PORT = 2;

/**
 * The places of blocks that can be given up, by source: those without a busy port, beyond twice what the busiest destination has busy.
 * The sources with most blocks lose theirs first, and each keeps one.
 */
export function surplusBlocks(
  sources: readonly SourcePorts[],
  family: SourceFamily,
  busyPorts: number,
): Map<number, Set<number>> {
  let surplus = family.owned - busyPorts * PORTS_PER_BUSY_PORT;
  const idle = family.sources
    .map((index) => ({ index, blocks: sources[index]!.ownedBlocks, places: idlePlaces(sources[index]!) }))
    .filter(({ places }) => places.length > 0);
  const chosen = new Map<number, Set<number>>();
  for (let level = Math.max(0, ...idle.map(({ blocks }) => blocks)); level > 1; level--) {
    for (const entry of idle) {
      if (entry.blocks < level || entry.places.length === 0 || surplus < BLOCK_PORTS) continue;
      const place = entry.places.pop()!;
      entry.blocks--;
      surplus -= sources[entry.index]!.blocks[place]!.size;
      chosen.set(entry.index, (chosen.get(entry.index) ?? new Set()).add(place));
    }
  }
  return chosen;
}

function idlePlaces({ blocks, busy }: SourcePorts): number[] {
  return [...blocks.keys()].filter((place) => blocks[place] !== undefined && busy[place] === 0);
}
