import type { PortBlock as GrantedBlock } from '../control/messages.ts';
import { NumberRing } from './number-ring.ts';
import { BLOCK_PORTS, BLOCK_SHIFT, BLOCKS_PER_ADDRESS } from './port-block.ts';

const NOBODY = 0;

/** Who owns the blocks of one source. Owners are numbers from 1 on; blocks are known by `port >>> BLOCK_SHIFT`. About 2 KB. */
export class SourceLedger {
  readonly pool: string;
  readonly address: string;
  /** Blocks in all. */
  readonly blocks: number;
  private readonly ports: { readonly low: number; readonly high: number };
  private readonly owners = new Uint16Array(BLOCKS_PER_ADDRESS);
  /** Those of nobody, the one unused for longest first. */
  private readonly ready = new NumberRing();
  /** Those of nobody that must not be used yet; in the order in which they may be. */
  private resting: { readonly block: number; readonly untilMs: number }[] = [];

  constructor(pool: string, address: string, ports: { readonly low: number; readonly high: number }) {
    this.pool = pool;
    this.address = address;
    this.ports = ports;
    for (let block = ports.low >>> BLOCK_SHIFT; block <= ports.high >>> BLOCK_SHIFT; block++) this.ready.push(block);
    this.blocks = this.ready.length;
  }

  get free(): number {
    return this.ready.length;
  }

  get restingCount(): number {
    return this.resting.length;
  }

  /** Makes the blocks whose rest is over free. */
  settle(nowMs: number): void {
    let over = 0;
    while (over < this.resting.length && this.resting[over]!.untilMs <= nowMs)
      this.ready.push(this.resting[over++]!.block);
    if (over > 0) this.resting = this.resting.slice(over);
  }

  /** Only when `free` > 0. */
  grant(owner: number): GrantedBlock {
    const block = this.ready.shift();
    this.owners[block] = owner;
    return this.describe(block);
  }

  /** False, and nothing else, if it is not a block of this owner. */
  giveBack(owner: number, { firstPort, lastPort }: GrantedBlock): boolean {
    const number = firstPort >>> BLOCK_SHIFT;
    const own = this.describe(number);
    if (this.owners[number] !== owner || own.firstPort !== firstPort || own.lastPort !== lastPort) return false;
    this.owners[number] = NOBODY;
    this.ready.push(number);
    return true;
  }

  /** All blocks of the owner rest, then are free. `untilMs` never falls from call to call. */
  rest(owner: number, untilMs: number): void {
    this.owners.forEach((holder, block) => {
      if (holder !== owner) return;
      this.owners[block] = NOBODY;
      this.resting.push({ block, untilMs });
    });
  }

  ownedBy(owner: number): GrantedBlock[] {
    const blocks: GrantedBlock[] = [];
    this.owners.forEach((holder, block) => {
      if (holder === owner) blocks.push(this.describe(block));
    });
    return blocks;
  }

  /** Blocks by owner. */
  held(): Map<number, number> {
    const counts = new Map<number, number>();
    for (const owner of this.owners) if (owner !== NOBODY) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    return counts;
  }

  private describe(block: number): GrantedBlock {
    const first = block * BLOCK_PORTS;
    return {
      pool: this.pool,
      address: this.address,
      firstPort: Math.max(this.ports.low, first),
      lastPort: Math.min(this.ports.high, first + BLOCK_PORTS - 1),
    };
  }
}
