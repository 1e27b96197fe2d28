import { BLOCK_SHIFT, BLOCKS_PER_ADDRESS, type PortBlock } from './port-block.ts';

/** The ports of one source address that this process owns, for every destination alike. */
export class SourcePorts {
  readonly address: string;
  /** Each block keeps its place while it is owned; the places of blocks that were given back are empty, and filled again. */
  readonly blocks: (PortBlock | undefined)[] = [];
  /** By place: ports in use or at rest, towards all destinations together. */
  readonly busy: number[] = [];
  /** Ports in `blocks`. */
  owned = 0;
  ownedBlocks = 0;
  private readonly placeByBlock = new Int16Array(BLOCKS_PER_ADDRESS).fill(-1);

  constructor(address: string) {
    this.address = address;
  }

  /** The place of the block that a port is of, or -1 if that is not owned. */
  placeOf(port: number): number {
    return this.placeByBlock[port >>> BLOCK_SHIFT] ?? -1;
  }

  /** The place that the block got, or -1 if it is owned already. Throws RangeError for what is not one aligned block. */
  add(block: PortBlock): number {
    const number = block.first >>> BLOCK_SHIFT;
    if (block.first < 1 || block.last < block.first || block.last >>> BLOCK_SHIFT !== number)
      throw new RangeError(`ports ${block.first} to ${block.last} are not one block`);
    if (this.placeByBlock[number] !== -1) return -1;
    const empty = this.ownedBlocks < this.blocks.length ? this.blocks.indexOf(undefined) : this.blocks.length;
    this.blocks[empty] = block;
    this.busy[empty] = 0;
    this.placeByBlock[number] = empty;
    this.owned += block.size;
    this.ownedBlocks++;
    return empty;
  }

  /** Only when no port of it is busy and every destination has dropped it. */
  remove(place: number): void {
    const block = this.blocks[place]!;
    this.blocks[place] = undefined;
    this.placeByBlock[block.first >>> BLOCK_SHIFT] = -1;
    this.owned -= block.size;
    this.ownedBlocks--;
  }
}
