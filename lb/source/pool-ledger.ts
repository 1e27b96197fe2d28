import type { SourcePoolConfig } from '../../config/config.ts';
import type { PortBlock } from '../control/messages.ts';
import { SourceLedger } from './source-ledger.ts';

/** Who owns the blocks of one pool; spreads what it grants over the sources. Owners are numbers from 1 on. */
export class PoolLedger {
  readonly sources: readonly SourceLedger[];
  private readonly indexOf = new Map<string, number>();
  /** By owner, then by source: how many blocks it has. */
  private readonly held = new Map<number, Uint16Array>();
  /** Where the next grant that is not enough for every source begins. */
  private next = 0;

  constructor({ name, addresses, ports }: SourcePoolConfig) {
    this.sources = addresses.map((address) => new SourceLedger(name, address, ports));
    addresses.forEach((address, i) => {
      this.indexOf.set(address, i);
    });
  }

  free(nowMs: number): number {
    let sum = 0;
    for (const source of this.sources) {
      source.settle(nowMs);
      sum += source.free;
    }
    return sum;
  }

  holdings(owner: number): number {
    return this.held.get(owner)?.reduce((sum, count) => sum + count, 0) ?? 0;
  }

  /** Up to `count` free blocks; the sources of which the owner has least come first, so that it can use all of them for as long. */
  grant(owner: number, count: number): PortBlock[] {
    const granted: PortBlock[] = [];
    const held = this.held.get(owner) ?? new Uint16Array(this.sources.length);
    this.held.set(owner, held);
    const { length } = this.sources;
    for (;;) {
      const level = this.sources.reduce(
        (least, { free }, i) => (free > 0 ? Math.min(least, held[i]!) : least),
        Number.POSITIVE_INFINITY,
      );
      if (level === Number.POSITIVE_INFINITY || granted.length >= count) return granted;
      const start = this.next;
      for (let step = 0; step < length && granted.length < count; step++) {
        const i = (start + step) % length;
        if (held[i] !== level || this.sources[i]!.free === 0) continue;
        granted.push(this.sources[i]!.grant(owner));
        held[i]!++;
        this.next = (i + 1) % length;
      }
    }
  }

  /** False if it is not a block of this owner. */
  giveBack(owner: number, block: PortBlock): boolean {
    const i = this.indexOf.get(block.address);
    if (i === undefined || !this.sources[i]!.giveBack(owner, block)) return false;
    this.held.get(owner)![i]!--;
    return true;
  }

  /** All blocks of the owner rest, then are free. */
  rest(owner: number, untilMs: number): void {
    this.held.get(owner)?.forEach((count, i) => {
      if (count > 0) this.sources[i]!.rest(owner, untilMs);
    });
    this.held.delete(owner);
  }

  ownedBy(owner: number): PortBlock[] {
    if (!this.held.has(owner)) return [];
    return this.sources.flatMap((source) => source.ownedBy(owner));
  }
}
