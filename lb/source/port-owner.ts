import { isDeepStrictEqual } from 'node:util';
import type { SourcePoolConfig } from '../../config/config.ts';
import type { Clock } from '../clock.ts';
import type { PlaneEvent, PortBlock, SocketChunk, SourceUpdate } from '../control/messages.ts';
import type { PortMetrics } from '../metrics/plane-metrics.ts';
import { LeasePool } from './lease-pool.ts';
import type { PortUse } from './port-use.ts';
import { type Drift, SocketAudit } from './socket-audit.ts';
import { isLoopbackAddress } from './tcp-settings.ts';

/** How often ports that nobody here needs go back to the primary. */
const RETURN_IDLE_MS = 5000;
/** With others starved, this process keeps half of what is free, and gives no more than this at a time. */
const MOST_SPARED = 256;

export interface PortOwnerDeps {
  readonly clock: Clock;
  /** To the primary. */
  readonly send: (event: PlaneEvent) => void;
  readonly quarantineMs: (isLoopback: boolean) => number;
}

interface Avoided {
  named: ReadonlySet<number>;
  found: ReadonlySet<number>;
}

export interface PortOwnerOptions {
  readonly pools: readonly SourcePoolConfig[];
  /** Free ports of each pool that it keeps, however short others are. Default: none. */
  readonly keeps?: number;
}

/** The source pools as one process has them that connects, and what it and the primary tell each other of ports. */
export class PortOwner {
  readonly pools = new Map<string, LeasePool>();
  private readonly deps: PortOwnerDeps;
  private readonly keeps: number;
  /** Pools of which some other process has no port left. */
  private readonly wanted = new Set<string>();
  /** Addresses on their way out, by pool. */
  private readonly leaving = new Map<string, Set<string>>();
  private readonly audits = new Map<string, SocketAudit>();
  /** Ports not to lease, by pool and address: those that the primary named, and those that an audit found. */
  private readonly avoided = new Map<string, Avoided>();
  private returnIdleAtMs = 0;
  /** Of pools that are gone. */
  private readonly driftBefore: Drift = { lost: 0, foreign: 0 };
  /** Those of the config; others are on their way out. */
  private configured: ReadonlySet<string> = new Set();

  constructor(deps: PortOwnerDeps, options: PortOwnerOptions) {
    this.deps = deps;
    this.keeps = options.keeps ?? 0;
    this.configure(options.pools);
    this.returnIdleAtMs = deps.clock.now() + RETURN_IDLE_MS;
  }

  /**
   * From now on there are these. A pool that is new has no ports yet; one that is not among them any more is forgotten once its last address
   * is.
   */
  configure(pools: readonly SourcePoolConfig[]): void {
    this.configured = new Set(pools.map(({ name }) => name));
    this.forgetEmpty();
    for (const pool of pools) {
      const known = this.pools.get(pool.name);
      if (known === undefined) this.addPool(pool);
      else if (!isDeepStrictEqual(known.exhaustion, pool.exhaustion)) known.exhaustion = pool.exhaustion;
    }
  }

  private addPool(pool: SourcePoolConfig): void {
    const { clock, send } = this.deps;
    this.leaving.set(pool.name, new Set());
    const leases = new LeasePool(
      { clock },
      {
        pool,
        quarantineMs: this.deps.quarantineMs(pool.addresses.every(isLoopbackAddress)),
        onLow: (name, blocks, isStarved) => send({ type: 'low', pool: name, blocks, isStarved }),
        onLost: (name, address) => send({ type: 'source-lost', pool: name, address }),
      },
    );
    this.pools.set(pool.name, leases);
    this.audits.set(pool.name, new SocketAudit(leases));
  }

  private forgetEmpty(): void {
    for (const [name, pool] of this.pools) if (!this.configured.has(name) && pool.isEmpty) this.forget(name);
  }

  private forget(pool: string): void {
    const { lost, foreign } = this.audits.get(pool)!.drift;
    this.driftBefore.lost += lost;
    this.driftBefore.foreign += foreign;
    this.pools.delete(pool);
    this.leaving.delete(pool);
    this.audits.delete(pool);
    this.wanted.delete(pool);
    for (const key of this.avoided.keys()) if (key.startsWith(`${pool} `)) this.avoided.delete(key);
  }

  grant(blocks: readonly PortBlock[]): void {
    // An empty answer is for the pool that asked; there is no harm in telling all.
    for (const pool of this.pools.values()) pool.grant(blocks);
  }

  update(updates: readonly SourceUpdate[]): void {
    for (const { pool: name, address, state } of updates) {
      const pool = this.pools.get(name);
      if (pool === undefined) continue;
      const leaving = this.leaving.get(name)!;
      if (state === 'leaving') leaving.add(address);
      else leaving.delete(address);
      if (state === 'gone') pool.removeSource(address);
      else if (pool.addSource(address)) pool.setBlocked(address, state !== 'ready');
    }
    this.forgetEmpty();
  }

  /** These are not to be leased, as the primary says. */
  avoid(pool: string, address: string, ports: Iterable<number>): void {
    const avoided = this.avoidedOf(pool, address);
    avoided.named = new Set(ports);
    this.pools.get(pool)?.avoid(address, [...avoided.named, ...avoided.found]);
  }

  private avoidedOf(pool: string, address: string): Avoided {
    const key = `${pool} ${address}`;
    const avoided = this.avoided.get(key) ?? { named: new Set(), found: new Set() };
    this.avoided.set(key, avoided);
    return avoided;
  }

  beginAudit(pool: string): void {
    this.audits.get(pool)?.begin();
  }

  audit(pool: string, chunk: SocketChunk): void {
    this.audits.get(pool)?.look(chunk);
  }

  endAudit(pool: string, isWhole: boolean): void {
    const found = this.audits.get(pool)?.end(isWhole);
    if (found === undefined) return;
    for (const [key, avoided] of this.avoided) {
      const [name, address] = key.split(' ') as [string, string];
      if (name !== pool || found.has(address) || avoided.found.size === 0) continue;
      avoided.found = new Set();
      this.avoid(pool, address, avoided.named);
    }
    for (const [address, ports] of found) {
      const avoided = this.avoidedOf(pool, address);
      avoided.found = ports;
      this.avoid(pool, address, avoided.named);
    }
  }

  /** Where the map and the kernel differed, by kind, since the start. */
  get drift(): Drift {
    const sum: Drift = { ...this.driftBefore };
    for (const { drift } of this.audits.values()) {
      sum.lost += drift.lost;
      sum.foreign += drift.foreign;
    }
    return sum;
  }

  setWanted(pool: string, isWanted: boolean): void {
    if (isWanted) this.wanted.add(pool);
    else this.wanted.delete(pool);
  }

  /** Addresses that are to be let go: connections from them should end when they can. */
  isLeaving(pool: string, address: string): boolean {
    return this.leaving.get(pool)?.has(address) === true;
  }

  /** `isNeeded`: requests of this process wait for ports of the pool. */
  tick(nowMs: number, isNeeded: (pool: string) => boolean): void {
    for (const name of this.wanted) {
      if (isNeeded(name)) continue;
      const pool = this.pools.get(name);
      if (pool === undefined) continue;
      const free = pool.freeEverywhere - this.keeps;
      if (free > 0) this.giveBack(pool.spare(Math.min(MOST_SPARED, Math.ceil(free / 2))));
    }
    const isDue = nowMs >= this.returnIdleAtMs;
    if (isDue) this.returnIdleAtMs = nowMs + RETURN_IDLE_MS;
    for (const [name, pool] of this.pools) {
      const leaving = this.leaving.get(name)!;
      if (isDue || leaving.size > 0) this.giveBack(pool.returnIdle((address) => leaving.has(address)));
    }
  }

  private giveBack(blocks: readonly PortBlock[]): void {
    if (blocks.length > 0) this.deps.send({ type: 'return', blocks });
  }

  /** All that it may lease, of all pools. */
  get owned(): PortBlock[] {
    return [...this.pools.values()].flatMap(({ owned }) => owned);
  }

  /** Whoever was short of ports asks anew. */
  forgetWanted(): void {
    this.wanted.clear();
  }

  counts(): PortMetrics[] {
    return [...this.pools.values()].flatMap((pool) => pool.counts());
  }

  portUse(filter: { readonly source?: string; readonly destination?: string }): PortUse[] {
    return [...this.pools.values()].flatMap((pool) => pool.portUse(filter));
  }
}
