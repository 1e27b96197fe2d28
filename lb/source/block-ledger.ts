import type { SourcePoolConfig } from '../../config/config.ts';
import type { Clock } from '../clock.ts';
import type { PortBlock } from '../control/messages.ts';
import { cutIntoBlocks } from './port-block.ts';

interface Entry {
  readonly block: PortBlock;
  /** Index in the pool's addresses. */
  readonly source: number;
  /** Not granted before this time: the former owner died with connections open. */
  restsUntilMs: number;
}

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
const INITIAL_BLOCKS_PER_SOURCE = 16;

/** Who owns each block of each source: planes, the health checks, nobody. Kept by the primary; a block has one owner at a time. */
export class BlockLedger {
  private readonly clock: Clock;
  private readonly quarantineMs: number;
  /** By pool, then by source: the longest free first. */
  private readonly free = new Map<string, Entry[][]>();
  private readonly owned = new Map<string, Set<Entry>>();
  /** By pool. */
  private readonly addresses = new Map<string, readonly string[]>();

  constructor(
    deps: { readonly clock: Clock },
    options: { readonly pools: readonly SourcePoolConfig[]; readonly quarantineMs: number },
  ) {
    this.clock = deps.clock;
    this.quarantineMs = options.quarantineMs;
    for (const { name, addresses, ports } of options.pools) {
      const sources = addresses.map((address, source) =>
        cutIntoBlocks(ports.low, ports.high).map(({ first, last }) => ({
          block: { pool: name, address, firstPort: first, lastPort: last },
          source,
          restsUntilMs: Number.NEGATIVE_INFINITY,
        })),
      );
      this.free.set(name, sources);
      this.addresses.set(name, addresses);
    }
  }

  /** Up to `count` blocks of `pool`, taken evenly from its sources; none when all are gone. */
  grant(owner: string, pool: string, count: number): PortBlock[] {
    const sources = this.free.get(pool) ?? [];
    const held = this.owned.get(owner) ?? new Set<Entry>();
    this.owned.set(owner, held);
    const now = this.clock.now();
    const granted: PortBlock[] = [];
    for (let found = true; found && granted.length < count; ) {
      found = false;
      for (const entries of sources) {
        const at = granted.length < count ? entries.findIndex((entry) => entry.restsUntilMs <= now) : -1;
        if (at < 0) continue;
        const [entry] = entries.splice(at, 1) as [Entry];
        held.add(entry);
        granted.push(entry.block);
        found = true;
      }
    }
    return granted;
  }

  /**
   * What a plane starts with, of every pool: a fair part of what there is, and no more than a few blocks of each source, so that planes
   * that start later, and busier ones, find some.
   */
  initialShare(owner: string, planes: number): PortBlock[] {
    return [...this.free].flatMap(([pool, sources]) => {
      const total = sources.reduce((sum, entries) => sum + entries.length, 0);
      // Half of a fair part, so that there is something left to go where it is needed.
      const share = Math.min(Math.max(1, Math.floor(total / planes / 2)), sources.length * INITIAL_BLOCKS_PER_SOURCE);
      return this.grant(owner, pool, share);
    });
  }

  /** The owner is gone, and what it had open with it: its blocks rest as long as the kernel keeps closed connections, then are free. */
  ownerDied(owner: string): void {
    const restsUntilMs = this.clock.now() + this.quarantineMs;
    for (const entry of this.owned.get(owner) ?? []) {
      entry.restsUntilMs = restsUntilMs;
      this.free.get(entry.block.pool)![entry.source]!.push(entry);
    }
    this.owned.delete(owner);
  }

  /** Blocks of every source, by what becomes of them. */
  counts(): SourceBlocks[] {
    const now = this.clock.now();
    return [...this.free].flatMap(([pool, sources]) =>
      sources.map((entries, source) => {
        const resting = entries.filter((entry) => entry.restsUntilMs > now).length;
        const owners = [...this.owned].map(([owner, held]) => {
          const own = [...held].filter((entry) => entry.block.pool === pool && entry.source === source);
          return { owner, blocks: own.length };
        });
        return {
          pool,
          address: this.addresses.get(pool)![source]!,
          free: entries.length - resting,
          resting,
          owners: owners.filter(({ blocks }) => blocks > 0),
        };
      }),
    );
  }

  ownedBy(owner: string): PortBlock[] {
    return [...(this.owned.get(owner) ?? [])].map((entry) => entry.block);
  }
}
