import { BLOCK_SHIFT, bitsOf, countBits, WORDS_PER_BLOCK } from '../source/port-block.ts';
import type { SourceRun } from './nat-plan.ts';

export interface RunCounts {
  used: number;
  quarantined: number;
}

/** Bits of the ports of one block: first those used, then those whose connection has ended and is not forgotten. */
const WORDS = 2 * WORDS_PER_BLOCK;

/**
 * What the connection tracking table says of source ports towards one server. A table that changes while it is read may tell of a
 * connection twice: ports are bits, not counts. 32 bytes for a block in use.
 */
export class TargetPorts {
  private blocks = new Map<string, Map<number, Uint32Array>>();
  private next = new Map<string, Map<number, Uint32Array>>();

  /** Starts anew; what was known stays known until `commit`. */
  begin(): void {
    this.next = new Map();
  }

  mark(address: string, port: number, isQuarantined: boolean): void {
    let blocks = this.next.get(address);
    if (blocks === undefined) {
      blocks = new Map();
      this.next.set(address, blocks);
    }
    let bits = blocks.get(port >>> BLOCK_SHIFT);
    if (bits === undefined) {
      bits = new Uint32Array(WORDS);
      blocks.set(port >>> BLOCK_SHIFT, bits);
    }
    const word = (port >>> 5) % WORDS_PER_BLOCK;
    bits[isQuarantined ? WORDS_PER_BLOCK + word : word]! |= 1 << (port & 31);
  }

  commit(): void {
    this.blocks = this.next;
    this.next = new Map();
  }

  countsOf({ address, first, last }: SourceRun): RunCounts {
    const counts = { used: 0, quarantined: 0 };
    const bits = this.blocks.get(address)?.get(first >>> BLOCK_SHIFT);
    if (bits === undefined) return counts;
    for (let word = 0; word < WORDS_PER_BLOCK; word++) {
      const mask = bitsOf(first, last, word);
      const used = bits[word]! & mask;
      counts.used += countBits(used);
      // A port of which two connections are told is used.
      counts.quarantined += countBits(bits[WORDS_PER_BLOCK + word]! & mask & ~used);
    }
    return counts;
  }

  has(address: string, block: number): boolean {
    return this.blocks.get(address)?.has(block) === true;
  }

  get isBusy(): boolean {
    return this.blocks.size > 0;
  }

  /** Every block in which a port is not free. */
  *busyBlocks(): Iterable<{ readonly address: string; readonly block: number }> {
    for (const [address, blocks] of this.blocks) for (const block of blocks.keys()) yield { address, block };
  }
}
