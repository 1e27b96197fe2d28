/**
 * Ports change owner in blocks of 128, aligned to multiples of 128: as far as the kernel's own SNAT always searches, so that a block can
 * serve every engine to its last port. When no whole block is left, parts of one change owner.
 */
export const BLOCK_PORTS = 128;
export const BLOCK_SHIFT = 7;
/** Blocks of an address, from port 0 on. The number of a port's block is `port >>> BLOCK_SHIFT`. */
export const BLOCKS_PER_ADDRESS = 65536 / BLOCK_PORTS;
/** A block as bits: four words of 32. */
export const WORDS_PER_BLOCK = BLOCK_PORTS / 32;

/** Both ends belong to it; it never crosses from one block to the next. */
export interface PortRun {
  readonly first: number;
  readonly last: number;
}

/** Cuts [low, high] at the borders of blocks. */
export function cutIntoBlocks(low: number, high: number): PortRun[] {
  const runs: PortRun[] = [];
  for (let first = low; first <= high; ) {
    const last = Math.min(high, first - (first % BLOCK_PORTS) + BLOCK_PORTS - 1);
    runs.push({ first, last });
    first = last + 1;
  }
  return runs;
}

/** Of [first, last], which lies in one block, the ports that are in word `word` of the block, as bits. */
export function bitsOf(first: number, last: number, word: number): number {
  const from = Math.max(first & (BLOCK_PORTS - 1), word * 32) - word * 32;
  const to = Math.min(last & (BLOCK_PORTS - 1), word * 32 + 31) - word * 32;
  if (from > to) return 0;
  return (-1 >>> (31 - (to - from))) << from;
}

/** The runs of ports that the bits of one word stand for; `base` is the port of bit 0. */
export function runsOf(base: number, bits: number): PortRun[] {
  const runs: PortRun[] = [];
  for (let bit = 0; bit < 32; bit++) {
    if (((bits >>> bit) & 1) === 0) continue;
    const first = bit;
    while (bit < 31 && ((bits >>> (bit + 1)) & 1) === 1) bit++;
    runs.push({ first: base + first, last: base + bit });
  }
  return runs;
}

/** Runs that touch become one, where they are of one block. */
export function joinRuns(runs: Iterable<PortRun>): PortRun[] {
  const joined: PortRun[] = [];
  for (const run of runs) {
    const before = joined.at(-1);
    const isNext = before?.last === run.first - 1 && before.last >>> BLOCK_SHIFT === run.first >>> BLOCK_SHIFT;
    joined.push(isNext ? { first: joined.pop()!.first, last: run.last } : run);
  }
  return joined;
}

/** Number of bits set (Hacker's Delight, 5-2). */
export function countBits(word: number): number {
  let bits = word - ((word >>> 1) & 0x5555_5555);
  bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333);
  return (((bits + (bits >>> 4)) & 0x0f0f_0f0f) * 0x0101_0101) >>> 24;
}
