import type { SourceChange } from '../admin/admin-source.ts';
import type { SourcePoolConfig } from '../config/config.ts';
import { formatIpAddress, parseIpAddress } from '../config/ip-address.ts';
import { whyNoSource } from '../config/pool-addresses.ts';
import type { AddressKeeper } from '../lb/claim/address-keeper.ts';
import type { AddressState, KeptAddress } from '../lb/claim/address-state.ts';
import type { SourceUpdate } from '../lb/control/messages.ts';
import type { BlockLedger } from '../lb/source/block-ledger.ts';
import type { PortRun } from '../lb/source/port-block.ts';
import type { SourceState, SourceStatus } from '../lb/source/source-status.ts';

interface Entry {
  readonly kept: KeptAddress;
  /** Claimed for a config that is not in force yet. */
  isHeld: boolean;
  /** A config without it made it drain: one that has it again takes that back. */
  leavesByConfig?: boolean;
  state: SourceState;
}

export interface SourceRegistryDeps {
  readonly ledger: BlockLedger;
  readonly keeper: Pick<AddressKeeper, 'add' | 'addAll' | 'remove' | 'stateOf'>;
  /** Those who connect have to hear of it. */
  readonly onChange: (update: SourceUpdate) => void;
  /** For the operator. */
  readonly onState: (status: SourceStatus) => void;
  /** Ports of an address that may be used. */
  readonly rangesOf: (pool: SourcePoolConfig, address: string) => readonly PortRun[];
  /** Connections from the pool go on without Portico. */
  readonly outlives: (pool: string) => boolean;
  /** How many of its ports others hold and no plane owns. */
  readonly heldElsewhere: (pool: string, address: string) => number;
}

/** Every source address and what may be done with it: those of the config, and those that came or went at run time. */
export class SourceRegistry {
  private readonly deps: SourceRegistryDeps;
  private pools: ReadonlyMap<string, SourcePoolConfig>;
  /** Addresses that processes which run have room for, by pool. */
  private readonly room = new Map<string, number>();
  private readonly entries = new Map<string, Entry>();

  constructor(deps: SourceRegistryDeps, pools: readonly SourcePoolConfig[]) {
    this.deps = deps;
    this.pools = new Map(pools.map((pool) => [pool.name, pool]));
    for (const pool of pools) {
      this.room.set(pool.name, pool.addresses.length + ADDED_SOURCES);
      for (const address of pool.addresses) this.enter(this.keep(pool, address));
    }
  }

  /** All addresses, as the keeper needs them. */
  get kept(): readonly KeptAddress[] {
    return [...this.entries.values()].map(({ kept }) => kept);
  }

  private keep({ name, interface: link, claim }: SourcePoolConfig, address: string): KeptAddress {
    return { pool: name, address, interface: link, claim, staysAtStop: this.deps.outlives(name) };
  }

  private enter(kept: KeptAddress): Entry {
    const entry: Entry = { kept, isHeld: false, state: { kind: 'claiming' } };
    this.entries.set(keyOf(kept), entry);
    this.deps.ledger.setBlocked(kept.pool, kept.address, true);
    return entry;
  }

  /** From the keeper. */
  onKept(kept: KeptAddress, state: AddressState): void {
    const entry = this.entries.get(keyOf(kept));
    if (entry === undefined || entry.isHeld || entry.state.kind === 'draining') return;
    this.setState(entry, state);
  }

  private setState(entry: Entry, state: SourceState): void {
    const { kind: before } = entry.state;
    entry.state = state;
    const { pool, address } = entry.kept;
    this.deps.ledger.setBlocked(pool, address, state.kind !== 'ready');
    this.deps.onChange({ pool, address, state: updateOf(state) });
    if (before !== state.kind) this.deps.onState(this.describe(entry));
  }

  /** A connection found that the address is not there. Where the keeper has not noticed, it is tried again. */
  stateOf(pool: string, address: string): SourceUpdate['state'] {
    const entry = this.entries.get(keyOf({ pool, address }));
    return entry === undefined ? 'blocked' : updateOf(entry.state);
  }

  /** What a process that connects has to know when it starts. */
  get updates(): SourceUpdate[] {
    return [...this.entries.values()].map(({ kept: { pool, address }, state }) => ({
      pool,
      address,
      state: updateOf(state),
    }));
  }

  /** Claims an address at run time, where the pool says so, and connects from it. */
  async add(poolName: string, text: string): Promise<SourceChange> {
    const pool = this.pools.get(poolName);
    if (pool === undefined) return fail('no-pool', `There is no source pool "${poolName}".`);
    const parsed = parseIpAddress(text);
    if (parsed === undefined) return fail('invalid', `"${text}" is not an IP address.`);
    const address = formatIpAddress(parsed);
    const why = whyNoSource(address);
    if (why !== undefined) return fail('invalid', `${address} cannot be connected from: ${why}.`);
    const holder = [...this.entries.values()].find(({ kept }) => kept.address === address);
    if (holder !== undefined) return fail('exists', `${address} is a source of pool "${holder.kept.pool}" already.`);
    if (this.of(poolName).length >= this.room.get(poolName)!) {
      return fail('full', `No more than ${ADDED_SOURCES} addresses can be added to a pool while it runs.`);
    }
    const kept = this.keep(pool, address);
    this.deps.ledger.addSource(poolName, address, this.deps.rangesOf(pool, address));
    const entry = this.enter(kept);
    const state = await this.deps.keeper.add(kept);
    if (state.kind !== 'ready') {
      await this.deps.keeper.remove(kept);
      this.forget(entry);
      return fail('refused', `${address} cannot be used: ${state.reason}.`);
    }
    if (entry.state.kind === 'claiming') this.setState(entry, state);
    return { ok: true, status: this.describe(entry) };
  }

  /**
   * Claims the addresses that another config has and this one had not; nobody connects from them before `commit`. What was changed at run
   * time and is the same in both configs stays as it was changed. Throws SourceRefusedError; all is as before then.
   */
  async prepare(next: readonly SourcePoolConfig[]): Promise<PoolChange> {
    const fresh = next.flatMap((pool) => this.freshOf(pool).map((address) => this.keep(pool, address)));
    this.checkRoom(next, fresh);
    const entries = fresh.map((kept) => {
      const pool = next.find(({ name }) => name === kept.pool)!;
      this.deps.ledger.addPool(kept.pool);
      this.deps.ledger.addSource(kept.pool, kept.address, this.deps.rangesOf(pool, kept.address));
      const entry = this.enter(kept);
      entry.isHeld = true;
      return entry;
    });
    const abort = async (): Promise<void> => {
      await Promise.all(entries.map(({ kept }) => this.deps.keeper.remove(kept)));
      for (const entry of entries) this.forget(entry);
    };
    const states = entries.length === 0 ? [] : await this.deps.keeper.addAll(fresh);
    for (const [i, state] of states.entries()) {
      if (state.kind === 'ready') continue;
      await abort();
      const { pool, address } = fresh[i]!;
      throw new SourceRefusedError(`${address} of pool "${pool}" cannot be used: ${state.reason}.`);
    }
    const before = this.pools;
    return {
      abort,
      commit: () => this.replacePools(next, entries),
      revert: () => {
        this.replacePools([...before.values()], []);
        this.drainRemoved(new Map(next.map((pool) => [pool.name, pool])));
      },
      finish: () => this.drainRemoved(before),
    };
  }

  private freshOf({ name, addresses }: SourcePoolConfig): string[] {
    const before = new Set(this.pools.get(name)?.addresses);
    return addresses.filter((address) => !before.has(address) && !this.entries.has(keyOf({ pool: name, address })));
  }

  private checkRoom(next: readonly SourcePoolConfig[], fresh: readonly KeptAddress[]): void {
    for (const { address, pool } of fresh) {
      const other = [...this.entries.values()].find(
        ({ kept }) => kept.address === address && (kept.claim || kept.pool === pool),
      );
      if (other === undefined) continue;
      throw new SourceRefusedError(
        `${address} is still a source of pool "${other.kept.pool}"; take it out of that pool first, and put it into "${pool}" once it has been let go.`,
      );
    }
    for (const { name } of next) {
      const room = this.room.get(name);
      const wanted = this.of(name).length + fresh.filter(({ pool }) => pool === name).length;
      if (room === undefined || wanted <= room) continue;
      throw new SourceRefusedError(
        `pool "${name}" has room for ${room} addresses until Portico is restarted; put the others into a pool of another name, or restart.`,
      );
    }
  }

  private replacePools(next: readonly SourcePoolConfig[], entries: readonly Entry[]): void {
    this.pools = new Map(next.map((pool) => [pool.name, pool]));
    for (const { name, addresses } of next) {
      if (!this.room.has(name)) this.room.set(name, addresses.length + ADDED_SOURCES);
    }
    for (const entry of entries) {
      entry.isHeld = false;
      this.setState(entry, this.deps.keeper.stateOf(entry.kept) ?? entry.state);
    }
    for (const { name, addresses } of next) for (const address of addresses) this.revive(name, address);
  }

  /** One that is on its way out and wanted again. */
  private revive(pool: string, address: string): void {
    const entry = this.entries.get(keyOf({ pool, address }));
    if (entry?.state.kind !== 'draining' || !entry.leavesByConfig) return;
    this.setState(entry, this.deps.keeper.stateOf(entry.kept) ?? { kind: 'claiming' });
  }

  /** Those that the config had and has no more. */
  private drainRemoved(before: ReadonlyMap<string, SourcePoolConfig>): void {
    for (const entry of this.entries.values()) {
      const { pool, address } = entry.kept;
      const now = this.pools.get(pool);
      const isGone =
        now === undefined ||
        (before.get(pool)?.addresses.includes(address) === true && !now.addresses.includes(address));
      if (!isGone || entry.state.kind === 'draining') continue;
      entry.leavesByConfig = true;
      this.setState(entry, { kind: 'draining' });
    }
    this.releaseDrained();
  }

  /** No new connections from it; when the last has ended, it is let go. */
  drain(pool: string, text: string): SourceChange {
    if (!this.pools.has(pool)) return fail('no-pool', `There is no source pool "${pool}".`);
    const parsed = parseIpAddress(text);
    const address = parsed === undefined ? text : formatIpAddress(parsed);
    const entry = this.entries.get(keyOf({ pool, address }));
    if (entry === undefined) return fail('no-address', `${address} is no source of pool "${pool}".`);
    const others = this.of(pool).filter((other) => other !== entry && other.state.kind !== 'draining');
    if (others.length === 0) return fail('last', `${address} is the last source of pool "${pool}"; add another first.`);
    if (entry.state.kind !== 'draining') this.setState(entry, { kind: 'draining' });
    this.releaseDrained();
    return { ok: true, status: this.describe(entry) };
  }

  /** Lets the drained addresses go that nobody connects from any more. To be called when ports come back, and now and then. */
  releaseDrained(): void {
    for (const entry of [...this.entries.values()]) {
      const { kept, state } = entry;
      if (state.kind !== 'draining' || !this.deps.ledger.isIdle(kept.pool, kept.address)) continue;
      this.forget(entry);
      void this.deps.keeper.remove(kept);
    }
  }

  private forget({ kept }: Entry): void {
    this.entries.delete(keyOf(kept));
    this.deps.ledger.removeSource(kept.pool, kept.address);
    this.deps.onChange({ pool: kept.pool, address: kept.address, state: 'gone' });
    if (this.pools.has(kept.pool) || this.of(kept.pool).length > 0) return;
    this.deps.ledger.removePool(kept.pool);
    this.room.delete(kept.pool);
  }

  private of(pool: string): Entry[] {
    return [...this.entries.values()].filter(({ kept }) => kept.pool === pool);
  }

  get statuses(): SourceStatus[] {
    const blocks = new Map(this.deps.ledger.counts().map((counts) => [keyOf(counts), counts]));
    return [...this.entries.values()].map((entry) => this.describe(entry, blocks.get(keyOf(entry.kept))));
  }

  private describe({ kept, state }: Entry, blocks = this.deps.ledger.countsOf(kept.pool, kept.address)): SourceStatus {
    return {
      ...kept,
      state,
      ports: blocks?.ports ?? 0,
      heldElsewhere: this.deps.heldElsewhere(kept.pool, kept.address),
      blocks: { free: blocks?.free ?? 0, resting: blocks?.resting ?? 0, owners: blocks?.owners ?? [] },
    };
  }
}

/** Other addresses for other pools. */
export interface PoolChange {
  /** They may be connected from, from now on. */
  commit(): void;
  /** The addresses that are gone from the config drain. After `commit`. */
  finish(): void;
  /** After `commit`, instead of `finish`: all is to be as before. */
  revert(): void;
  /** Instead of `commit`: lets go of those that were claimed. */
  abort(): Promise<void>;
}

/** A source address cannot be had; the message is one sentence that says what to do. */
export class SourceRefusedError extends Error {
  readonly code = 'SOURCE_REFUSED';
  readonly source = 'local';
  readonly retryable = false;
}

/** Planes make room for so many (lb/source/lease-pool.ts). */
const ADDED_SOURCES = 64;

function keyOf({ pool, address }: { readonly pool: string; readonly address: string }): string {
  return `${pool} ${address}`;
}

function updateOf(state: SourceState): SourceUpdate['state'] {
  if (state.kind === 'ready') return 'ready';
  return state.kind === 'draining' ? 'leaving' : 'blocked';
}

function fail(reason: Extract<SourceChange, { ok: false }>['reason'], detail: string): SourceChange {
  return { ok: false, reason, detail };
}
