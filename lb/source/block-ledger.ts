import type { Clock } from '../clock.ts';
import type { PortBlock as GrantedPorts } from '../control/messages.ts';
import { PoolLedger } from './pool-ledger.ts';
import { BLOCK_PORTS, BLOCK_SHIFT, type PortRun } from './port-block.ts';
import type { SourceLedger } from './source-ledger.ts';

/** The blocks of one source. */
export interface SourceBlocks {
  readonly pool: string;
  /** The source IP address. */
  readonly address: string;
  /** Ports that can be used at all. */
  readonly ports: number;
  /** Whole blocks that can be granted now. */
  readonly free: number;
  /** Blocks of an owner that died, until the kernel has let go of its connections. */
  readonly resting: number;
  readonly owners: readonly { readonly owner: string; readonly blocks: number }[];
}

/** The sources of one pool at the start, each with the ports of it that may be used. */
export interface PoolSources {
  readonly name: string;
  readonly sources: readonly { readonly address: string; readonly ranges: readonly PortRun[] }[];
}

/** A plane's share at the start; it asks for more before it runs out. */
const INITIAL_BLOCKS_PER_SOURCE = 8;

/** Who owns each port of each source: planes, the health checks, nobody. Kept by the primary; a port has one owner at a time. */
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
    options: { readonly pools: readonly PoolSources[]; readonly quarantineMs: number },
  ) {
    this.clock = deps.clock;
    this.quarantineMs = options.quarantineMs;
    for (const { name, sources } of options.pools) {
      this.addPool(name);
      for (const { address, ranges } of sources) this.addSource(name, address, ranges);
    }
  }

  /** One more pool, without a source; one that is known is let be. */
  addPool(name: string): void {
    if (!this.pools.has(name)) this.pools.set(name, new PoolLedger(name));
  }

  /** Forgets a pool. Only when it has no source any more. */
  removePool(name: string): void {
    this.pools.delete(name);
  }

  /** So many planes there are to be; each has a place kept for it until it has started. */
  setPlanes(planes: number): void {
    this.planes = planes;
  }

  private pool(name: string): PoolLedger | undefined {
    const pool = this.pools.get(name);
    pool?.settle(this.clock.now());
    return pool;
  }

  /** One more source; one that is known is let be. */
  addSource(pool: string, address: string, ranges: readonly PortRun[]): void {
    this.pools.get(pool)?.add(address, ranges);
  }

  /** Forgets a source. Only when `isIdle`. */
  removeSource(pool: string, address: string): void {
    this.pools.get(pool)?.remove(address);
  }

  /** Nobody owns a port of it, and none rests. */
  isIdle(pool: string, address: string): boolean {
    return this.pool(pool)?.find(address)?.isIdle !== false;
  }

  /** A blocked source grants nothing; what was granted stays with its owners. */
  setBlocked(pool: string, address: string, isBlocked: boolean): void {
    this.pools.get(pool)?.setBlocked(address, isBlocked);
  }

  /**
   * Up to `count` blocks of `pool`, taken evenly from its sources, parts of blocks when no whole one is left; none when all are gone. An
   * owner that has some leaves one for each plane that has yet to start, or to start again.
   */
  grant(owner: string, pool: string, count: number): GrantedPorts[] {
    const ledger = this.pool(pool);
    if (ledger === undefined) return [];
    const number = this.numberOf(owner);
    const kept = ledger.isOwner(number) ? Math.max(0, this.planes - this.started.size) : 0;
    if (kept === 0) return ledger.grant(number, count);
    return ledger.grant(number, Math.max(0, Math.min(count, ledger.freeBlocks - kept)));
  }

  /** For many look-ups of one source: who owns a port of it; undefined for nobody, null for a port that is not of the source. */
  ownersOf(pool: string, address: string): (port: number) => string | undefined | null {
    const source = this.pool(pool)?.find(address);
    return (port) => (source?.has(port) === true ? this.names[source.ownerOf(port) - 1] : null);
  }

  /** Ports that can be granted now. */
  freePorts(pool: string): number {
    return this.pool(pool)?.freePorts ?? 0;
  }

  /** At most `ports` ports, for an owner that needs less than a block. */
  grantPorts(owner: string, pool: string, ports: number): GrantedPorts[] {
    return this.pool(pool)?.grant(this.numberOf(owner), 1, Math.min(ports, BLOCK_PORTS)) ?? [];
  }

  /**
   * What a plane starts with, of every pool that it uses: half of a fair part of all blocks, so that there is something left to go where it is needed,
   * no more than a few of each source, and one at least. The owner counts as one of the `planes` from here on, until it dies.
   */
  initialShare(owner: string, planes: number, pools: Iterable<string> = this.pools.keys()): GrantedPorts[] {
    this.planes = planes;
    this.started.add(owner);
    return this.shareOf(owner, pools);
  }

  /** What a plane that runs starts with of pools that are new to it. */
  shareOf(owner: string, pools: Iterable<string>): GrantedPorts[] {
    const { planes } = this;
    const number = this.numberOf(owner);
    return [...pools].flatMap((name) => {
      const ledger = this.pool(name);
      if (ledger === undefined) return [];
      const share = Math.min(Math.floor(ledger.blocks / planes / 2), ledger.sources.length * INITIAL_BLOCKS_PER_SOURCE);
      const left = ledger.freeBlocks - Math.max(0, planes - this.started.size);
      return ledger.grant(number, Math.max(1, Math.min(share, left)));
    });
  }

  /** Those of the blocks in which these ports lie that nobody has. For an owner whose connections have outlived this process. */
  adopt(owner: string, ports: readonly GrantedPorts[]): GrantedPorts[] {
    const number = this.numberOf(owner);
    return ports.flatMap(({ pool, address, firstPort }) => {
      const granted = this.pool(pool)
        ?.find(address)
        ?.adopt(number, firstPort >>> BLOCK_SHIFT);
      return granted === undefined ? [] : [granted];
    });
  }

  /**
   * Exactly these ports, as far as nobody has them. For a process that has outlived the primary which granted them; what the config calls
   * the pool of an address may have changed. `planes`: it is one of so many.
   */
  claim(owner: string, ports: readonly GrantedPorts[], planes?: number): GrantedPorts[] {
    if (planes !== undefined) {
      this.planes = planes;
      this.started.add(owner);
    }
    const number = this.numberOf(owner);
    const bySource = new Map<SourceLedger, PortRun[]>();
    for (const run of ports) {
      const source = this.sourceOf(run);
      if (source === undefined) continue;
      const runs = bySource.get(source) ?? [];
      bySource.set(source, runs);
      runs.push({ first: run.firstPort, last: run.lastPort });
    }
    return [...bySource].flatMap(([source, runs]) => source.claim(number, runs));
  }

  private sourceOf({ pool, address }: GrantedPorts): SourceLedger | undefined {
    const named = this.pool(pool)?.find(address);
    if (named !== undefined) return named;
    for (const other of this.pools.values()) {
      const found = other.find(address);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /**
   * The owner does without these ports; nothing on them is open or in quarantine, so they can be granted at once. Returns how many of the
   * runs it did own; the others stay as they are.
   */
  giveBack(owner: string, ports: readonly GrantedPorts[]): number {
    const number = this.numberOf(owner);
    return ports.filter((run) => this.sourceOf(run)?.giveBack(number, run) === true).length;
  }

  /** The owner is gone, and what it had open with it: its blocks rest as long as the kernel keeps closed connections, then are free. */
  ownerDied(owner: string): void {
    this.started.delete(owner);
    const number = this.numberOf(owner);
    for (const ledger of this.pools.values()) ledger.rest(number, this.clock.now() + this.quarantineMs);
  }

  /** Blocks of every source, by what becomes of them. */
  counts(): SourceBlocks[] {
    return [...this.pools.keys()].flatMap((name) => this.pool(name)!.sources.map((source) => this.describe(source)));
  }

  countsOf(pool: string, address: string): SourceBlocks | undefined {
    const source = this.pool(pool)?.find(address);
    return source === undefined ? undefined : this.describe(source);
  }

  private describe(source: SourceLedger): SourceBlocks {
    const owners = [...source.held()].sort(([a], [b]) => a - b);
    return {
      pool: source.pool,
      address: source.address,
      ports: source.ports,
      free: source.freeBlocks,
      resting: source.restingBlocks,
      owners: owners.map(([number, blocks]) => ({ owner: this.names[number - 1]!, blocks })),
    };
  }

  ownedBy(owner: string): GrantedPorts[] {
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
