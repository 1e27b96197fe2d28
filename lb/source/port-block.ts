/**
 * Ports change owner in blocks of 128, aligned to multiples of 128: as far as the kernel's own SNAT always searches, so that a block can
 * serve every engine to its last port.
 */
export const BLOCK_PORTS = 128;
export const BLOCK_SHIFT = 7;
/** Blocks of an address, from port 0 on. The number of a port's block is `port >>> BLOCK_SHIFT`. */
export const BLOCKS_PER_ADDRESS = 65536 / BLOCK_PORTS;

/** Both ends belong to it. The range of a pool may cut a block short at either end. */
export class PortBlock {
  readonly first: number;
  readonly last: number;

  constructor(first: number, last: number) {
    this.first = first;
    this.last = last;
  }

  get size(): number {
    return this.last - this.first + 1;
  }
}

/** Cuts [low, high] into aligned blocks. */
export function cutIntoBlocks(low: number, high: number): PortBlock[] {
  const blocks: PortBlock[] = [];
  for (let first = low; first <= high; ) {
    const last = Math.min(high, first - (first % BLOCK_PORTS) + BLOCK_PORTS - 1);
    blocks.push(new PortBlock(first, last));
    first = last + 1;
  }
  return blocks;
}
