import type { SourcePoolConfig } from '../../config/config.ts';
import type { Clock } from '../clock.ts';
import type { PortBlock } from '../control/messages.ts';
import { PoolLedger } from './pool-ledger.ts';

/** The blocks of one source. */
export interface SourceBlocks {
  readonly pool: string;
  /** The source IP address. */
  readonly address: string;
  /** Blocks that can be granted now. */
  readonly free: number;
  /** Blocks of an owner that died, until the kernel has let go of its connections. */
  readonly resting: number;
  readonly owners: readonly { readonly owner: string; readonly blocks: number }[];
}

/** A plane's share at the start; it asks for more before it runs out. */
const INITIAL_BLOCKS_PER_SOURCE = 8;

/** Who owns each block of each source: planes, the health checks, nobody. Kept by the primary; a block has one owner at a time. */
export class BlockLedger {
  private readonly clock: Clock;
  private readonly quarantineMs: number;
  private readonly pools = new Map<string, PoolLedger>();
  /** Owners are numbers within; number i is the name at i - 1. */
  private readonly names: string[] = [];
  private readonly numbers = new Map<string, number>();
  /** Planes that run, of as many as there should be. */
  private readonly started = new Set<string>();
  private planes = 0;

  constructor(
    deps: { readonly clock: Clock },
    options: { readonly pools: readonly SourcePoolConfig[]; readonly quarantineMs: number },
  ) {
    this.clock = deps.clock;
    this.quarantineMs = options.quarantineMs;
    for (const pool of options.pools) this.pools.set(pool.name, new PoolLedger(pool));
  }

  /**
   * Up to `count` blocks of `pool`, taken evenly from its sources; none when all are gone. An owner that has some leaves one for each
   * plane that has yet to start, or to start again.
   */
  grant(owner: string, pool: string, count: number): PortBlock[] {
    const ledger = this.pools.get(pool);
    if (ledger === undefined) return [];
    const number = this.numberOf(owner);
    const kept = ledger.holdings(number) > 0 ? Math.max(0, this.planes - this.started.size) : 0;
    return ledger.grant(number, Math.min(count, ledger.free(this.clock.now()) - kept));
  }

  /**
   * What a plane starts with, of every pool: half of a fair part of all blocks, so that there is something left to go where it is needed,
   * no more than a few of each source, and one at least. The owner counts as one of the `planes` from here on, until it dies.
   */
  initialShare(owner: string, planes: number): PortBlock[] {
    this.planes = planes;
    this.started.add(owner);
    const number = this.numberOf(owner);
    return [...this.pools.values()].flatMap((ledger) => {
      const all = ledger.sources.reduce((sum, { blocks }) => sum + blocks, 0);
      const share = Math.min(Math.floor(all / planes / 2), ledger.sources.length * INITIAL_BLOCKS_PER_SOURCE);
      const left = ledger.free(this.clock.now()) - Math.max(0, planes - this.started.size);
      return ledger.grant(number, Math.max(1, Math.min(share, left)));
    });
  }

  /**
   * The owner does without these blocks; nothing on them is open or in quarantine, so they can be granted at once. Returns how many it
   * did own; the others stay as they are.
   */
  giveBack(owner: string, blocks: readonly PortBlock[]): number {
    const number = this.numberOf(owner);
    return blocks.filter((block) => this.pools.get(block.pool)?.giveBack(number, block) === true).length;
  }

  /** The owner is gone, and what it had open with it: its blocks rest as long as the kernel keeps closed connections, then are free. */
  ownerDied(owner: string): void {
    this.started.delete(owner);
    const number = this.numberOf(owner);
    for (const ledger of this.pools.values()) ledger.rest(number, this.clock.now() + this.quarantineMs);
  }

  /** Blocks of every source, by what becomes of them. */
  counts(): SourceBlocks[] {
    const now = this.clock.now();
    return [...this.pools.values()].flatMap(({ sources }) =>
      sources.map((source) => {
        source.settle(now);
        const owners = [...source.held()].sort(([a], [b]) => a - b);
        return {
          pool: source.pool,
          address: source.address,
          free: source.free,
          resting: source.restingCount,
          owners: owners.map(([number, blocks]) => ({ owner: this.names[number - 1]!, blocks })),
        };
      }),
    );
  }

  ownedBy(owner: string): PortBlock[] {
    const number = this.numberOf(owner);
    return [...this.pools.values()].flatMap((ledger) => ledger.ownedBy(number));
  }

  private numberOf(owner: string): number {
    const known = this.numbers.get(owner);
    if (known !== undefined) return known;
    const number = this.names.push(owner);
    this.numbers.set(owner, number);
    return number;
  }
}
