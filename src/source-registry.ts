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
  state: SourceState;
}

export interface SourceRegistryDeps {
  readonly ledger: BlockLedger;
  readonly keeper: Pick<AddressKeeper, 'add' | 'remove'>;
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
  private readonly pools: ReadonlyMap<string, SourcePoolConfig>;
  private readonly entries = new Map<string, Entry>();

  constructor(deps: SourceRegistryDeps, pools: readonly SourcePoolConfig[]) {
    this.deps = deps;
    this.pools = new Map(pools.map((pool) => [pool.name, pool]));
    for (const pool of pools) {
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
    const entry: Entry = { kept, state: { kind: 'claiming' } };
    this.entries.set(keyOf(kept), entry);
    this.deps.ledger.setBlocked(kept.pool, kept.address, true);
    return entry;
  }

  /** From the keeper. */
  onKept(kept: KeptAddress, state: AddressState): void {
    const entry = this.entries.get(keyOf(kept));
    if (entry === undefined || entry.state.kind === 'draining') return;
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
    if (this.of(poolName).length >= pool.addresses.length + ADDED_SOURCES) {
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
