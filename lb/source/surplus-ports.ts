import { BLOCK_PORTS, BLOCK_SHIFT, countBits, WORDS_PER_BLOCK } from './port-block.ts';
import type { SourceFamily } from './source-family.ts';
import type { SourcePorts } from './source-ports.ts';

/** With half of the ports free, the low mark of a quarter is far enough that the blocks are not asked for again at once. */
const PORTS_PER_BUSY_PORT = 2;

/** Ports of one word of a block, by their bits. */
export interface SurplusPorts {
  readonly source: number;
  readonly place: number;
  readonly word: number;
  readonly bits: number;
}

/**
 * Whole blocks that can be given up: those without a busy port, beyond twice what the busiest destination has busy. The sources with most
 * blocks lose theirs first, and each keeps one.
 */
export function surplusBlocks(
  sources: readonly SourcePorts[],
  family: SourceFamily,
  busyPorts: number,
): SurplusPorts[] {
  let surplus = family.usablePorts - busyPorts * PORTS_PER_BUSY_PORT;
  const idle = family.sources
    .filter((index) => !sources[index]!.isBlocked)
    .map((index) => ({ index, blocks: sources[index]!.ownedBlocks, places: idlePlaces(sources[index]!) }))
    .filter(({ places }) => places.length > 0);
  const chosen: SurplusPorts[] = [];
  for (let level = Math.max(0, ...idle.map(({ blocks }) => blocks)); level > 1; level--) {
    for (const entry of idle) {
      if (entry.blocks < level || entry.places.length === 0 || surplus < BLOCK_PORTS) continue;
      const place = entry.places.pop()!;
      entry.blocks--;
      const ports = wholePlace(sources[entry.index]!, entry.index, place);
      surplus -= ports.reduce((sum, { bits }) => sum + countBits(bits), 0);
      chosen.push(...ports);
    }
  }
  return chosen;
}

/** The first `count` of those ports of one source that are not busy towards any destination. */
export function idlePorts(
  ports: SourcePorts,
  source: number,
  candidates: Iterable<number>,
  count: number,
  isBusy: (source: number, port: number) => boolean,
): SurplusPorts[] {
  const words = new Map<number, number>();
  let left = count;
  for (const port of candidates) {
    if (left === 0) break;
    if (isBusy(source, port)) continue;
    words.set(port >>> 5, (words.get(port >>> 5) ?? 0) | (1 << (port & 31)));
    left--;
  }
  return [...words].map(([at, bits]) => ({ source, place: ports.placeOf(at << 5), word: at % WORDS_PER_BLOCK, bits }));
}

/** Every port of a source that is not busy, unusable ones too. */
export function allIdlePorts(
  ports: SourcePorts,
  source: number,
  isBusy: (source: number, port: number) => boolean,
): SurplusPorts[] {
  return ports.blocks.flatMap((block, place) => {
    if (block < 0) return [];
    if (ports.busy[place] === 0) return wholePlace(ports, source, place);
    return wholePlace(ports, source, place)
      .map((entry) => {
        let bits = 0;
        for (let owned = entry.bits; owned !== 0; owned &= owned - 1) {
          const bit = 31 - Math.clz32(owned & -owned);
          if (!isBusy(source, (block << BLOCK_SHIFT) + entry.word * 32 + bit)) bits |= 1 << bit;
        }
        return { ...entry, bits };
      })
      .filter(({ bits }) => bits !== 0);
  });
}

function wholePlace(ports: SourcePorts, source: number, place: number): SurplusPorts[] {
  return Array.from({ length: WORDS_PER_BLOCK }, (_, word) => ({
    source,
    place,
    word,
    bits: ports.ownedWord(place, word),
  })).filter(({ bits }) => bits !== 0);
}

function idlePlaces({ blocks, busy }: SourcePorts): number[] {
  return [...blocks.keys()].filter((place) => blocks[place]! >= 0 && busy[place] === 0);
}
