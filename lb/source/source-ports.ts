import {
  BLOCK_SHIFT,
  BLOCKS_PER_ADDRESS,
  bitsOf,
  countBits,
  type PortRun,
  runsOf,
  WORDS_PER_BLOCK,
} from './port-block.ts';

/** What changed of the 32 ports that a word stands for: bit i is the port `(block << 7) + (word << 5) + i`. */
export interface PortChange {
  readonly place: number;
  /** 0 to 3, within the block. */
  readonly word: number;
  readonly gained: number;
  readonly lost: number;
}

/**
 * The ports of one source address that this process owns, for every destination alike, as bits. An owned port is usable unless something
 * outside holds it (`avoid`). Blocks keep their place while any port of them is owned; empty places are filled again.
 */
export class SourcePorts {
  readonly address: string;
  /** By place: the number of the block, -1 where the place is empty. */
  readonly blocks: number[] = [];
  /** By place: ports in use or at rest, towards all destinations together. */
  readonly busy: number[] = [];
  /** By place and word. */
  readonly usable: number[] = [];
  ownedPorts = 0;
  usablePorts = 0;
  /** No new leases: the address is away, or on its way out. */
  isBlocked = false;
  private readonly owned: number[] = [];
  private readonly placeByBlock = new Int16Array(BLOCKS_PER_ADDRESS).fill(-1);
  /** One bit a port of the whole address. */
  private avoided: Int32Array | undefined = undefined;

  constructor(address: string) {
    this.address = address;
  }

  /** The place of the block that a port is of, or -1 if nothing of that is owned. */
  placeOf(port: number): number {
    return this.placeByBlock[port >>> BLOCK_SHIFT] ?? -1;
  }

  isUsable(port: number): boolean {
    const place = this.placeOf(port);
    return place >= 0 && ((this.usable[place * WORDS_PER_BLOCK + ((port >>> 5) & 3)]! >>> (port & 31)) & 1) === 1;
  }

  get ownedBlocks(): number {
    return this.blocks.reduce((sum, block) => (block < 0 ? sum : sum + 1), 0);
  }

  ownedWord(place: number, word: number): number {
    return this.owned[place * WORDS_PER_BLOCK + word]!;
  }

  /** Takes over ports of one block. Throws RangeError for what is not within one. */
  add(first: number, last: number): PortChange[] {
    const block = first >>> BLOCK_SHIFT;
    if (first < 1 || last < first || last >>> BLOCK_SHIFT !== block)
      throw new RangeError(`ports ${first} to ${last} are not of one block`);
    const place = this.placeByBlock[block] === -1 ? this.open(block) : this.placeByBlock[block]!;
    return this.change(place, (word, owned) => owned | bitsOf(first, last, word));
  }

  private open(block: number): number {
    const empty = this.blocks.indexOf(-1);
    const place = empty < 0 ? this.blocks.length : empty;
    this.blocks[place] = block;
    this.busy[place] = 0;
    for (let at = place * WORDS_PER_BLOCK; at < (place + 1) * WORDS_PER_BLOCK; at++) {
      this.owned[at] = 0;
      this.usable[at] = 0;
    }
    this.placeByBlock[block] = place;
    return place;
  }

  /** Gives up these ports of a word. Only when none of them is busy. */
  give(place: number, word: number, bits: number): PortChange[] {
    return this.change(place, (at, owned) => (at === word ? owned & ~bits : owned));
  }

  /** Ports that are owned and not usable. */
  unusableByBlock(): Uint8Array {
    const counts = new Uint8Array(BLOCKS_PER_ADDRESS);
    this.usable.forEach((usable, at) => {
      const block = this.blocks[(at - (at % WORDS_PER_BLOCK)) / WORDS_PER_BLOCK]!;
      if (block >= 0) counts[block]! += countBits(this.owned[at]! & ~usable);
    });
    return counts;
  }

  /** All owned ports. */
  *ownedRuns(): Iterable<PortRun> {
    for (const [at, bits] of this.owned.entries()) {
      const word = at % WORDS_PER_BLOCK;
      const block = this.blocks[(at - word) / WORDS_PER_BLOCK]!;
      if (block >= 0) yield* runsOf((block << BLOCK_SHIFT) + word * 32, bits);
    }
  }

  /** In the order of their places. */
  *usablePortNumbers(): Iterable<number> {
    for (const [at, bits] of this.usable.entries()) {
      const base =
        (this.blocks[(at - (at % WORDS_PER_BLOCK)) / WORDS_PER_BLOCK]! << BLOCK_SHIFT) + (at % WORDS_PER_BLOCK) * 32;
      for (let left = bits; left !== 0; left &= left - 1) yield base + 31 - Math.clz32(left & -left);
    }
  }

  /** Places of which no port is owned any more, and that have not been closed. */
  get emptyPlaces(): number[] {
    return [...this.blocks.keys()].filter(
      (place) => this.blocks[place]! >= 0 && [0, 1, 2, 3].every((word) => this.ownedWord(place, word) === 0),
    );
  }

  /** Empties a place. Only when no port of it is owned any more and every destination has dropped it. */
  close(place: number): void {
    this.placeByBlock[this.blocks[place]!] = -1;
    this.blocks[place] = -1;
  }

  /** From now on exactly these ports are not to be leased; leases of them stay. */
  avoid(ports: Iterable<number>): PortChange[] {
    const avoided = new Int32Array(65536 / 32);
    for (const port of ports) avoided[port >>> 5]! |= 1 << (port & 31);
    this.avoided = avoided;
    return this.blocks.flatMap((block, place) => (block < 0 ? [] : this.change(place, (_, owned) => owned)));
  }

  private change(place: number, next: (word: number, owned: number) => number): PortChange[] {
    const changes: PortChange[] = [];
    const block = this.blocks[place]!;
    for (let word = 0; word < WORDS_PER_BLOCK; word++) {
      const at = place * WORDS_PER_BLOCK + word;
      const owned = next(word, this.owned[at]!);
      const before = this.usable[at]!;
      const usable = owned & ~(this.avoided?.[block * WORDS_PER_BLOCK + word] ?? 0);
      this.ownedPorts += countBits(owned) - countBits(this.owned[at]!);
      this.usablePorts += countBits(usable) - countBits(before);
      this.owned[at] = owned;
      this.usable[at] = usable;
      if (usable !== before) changes.push({ place, word, gained: usable & ~before, lost: before & ~usable });
    }
    return changes;
  }
}
