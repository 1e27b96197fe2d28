import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import type { NameStatus } from '../admin/admin-source.ts';
import type { Config } from '../config/config.ts';
import { DEFAULT_RESOLVER } from '../config/resolver-config.ts';
import type { Clock } from '../lb/clock.ts';
import { type Family, familyOf, type Lookup } from '../lb/dns/lookup.ts';
import { type NameAddresses, NOTHING_KNOWN } from '../lb/dns/name-addresses.ts';
import { NameWatch } from '../lb/dns/name-watch.ts';
import type { EventLog } from './event-log.ts';

export interface NameServiceDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: EventLog;
  readonly lookup: Lookup;
  /** The name stands for other addresses than before, or its lookups fail, or do so no more. */
  readonly onChange: (name: string) => void;
}

/** Names that no backend has any more are remembered, in case they come back. */
const MOST_REMEMBERED = 4096;

/** Follows the names of servers in DNS. Each is looked up once, however many backends have it, and keeps its addresses when DNS fails. */
export class NameService {
  private readonly deps: NameServiceDeps;
  private readonly watches = new Map<string, NameWatch>();
  private readonly remembered: LRUCache<string, NameAddresses>;
  private families: ReadonlyMap<string, ReadonlySet<Family>> = new Map();
  private settings = DEFAULT_RESOLVER;

  constructor(deps: NameServiceDeps) {
    this.deps = deps;
    const { clock } = deps;
    this.remembered = new LRUCache({
      max: MOST_REMEMBERED,
      // What is too old is better than nothing, until the first answer.
      allowStale: true,
      ttlResolution: 0,
      perf: { now: () => clock.now() },
    });
  }

  /** As an earlier primary knew it; to be called before `follow`. */
  remember(name: string, addresses: readonly string[]): void {
    const nowMs = this.deps.clock.now();
    const before = this.remembered.peek(name)?.seenMs ?? [];
    const seenMs = new Map([...before, ...addresses.map((address) => [address, nowMs] as const)]);
    this.remembered.set(name, { ...NOTHING_KNOWN, seenMs }, { ttl: 1 });
  }

  /** From now on the names of all these are looked up, and no others; by the settings of the last one. */
  follow(...configs: readonly Config[]): void {
    const settings = configs.at(-1)?.resolver ?? DEFAULT_RESOLVER;
    const areOthers = !isDeepStrictEqual(settings, this.settings);
    this.settings = settings;
    this.families = new Map(
      configs.flatMap(({ sources }) => sources.map(({ name, addresses }) => [name, new Set(addresses.map(familyOf))])),
    );
    const wanted = new Map<string, Set<Family>>();
    for (const { names = [], source } of configs.flatMap(({ backends }) => backends)) {
      for (const { name } of names) {
        wanted.set(name, new Set([...(wanted.get(name) ?? []), ...(this.families.get(source) ?? [])]));
      }
    }
    for (const [name, watch] of this.watches) {
      if (wanted.has(name)) continue;
      watch.stop();
      this.watches.delete(name);
      this.remembered.set(name, watch.current, { ttl: Math.max(1, watch.remainingMs) });
    }
    for (const [name, families] of wanted) {
      const watch = this.watches.get(name);
      watch?.setFamilies(families);
      if (watch === undefined) this.start(name, families);
      else if (areOthers) watch.refresh();
    }
  }

  private start(name: string, families: ReadonlySet<Family>): void {
    const { clock, random, lookup } = this.deps;
    const goodForMs = this.remembered.getRemainingTTL(name);
    const known = this.remembered.get(name) ?? NOTHING_KNOWN;
    const watch = new NameWatch(
      {
        clock,
        random,
        lookup,
        settings: () => this.settings,
        onLookup: (before, after) => this.handle(name, before, after),
      },
      name,
      families,
      known,
    );
    this.watches.set(name, watch);
    watch.start(goodForMs);
  }

  private handle(name: string, before: NameAddresses, after: NameAddresses): void {
    const { log, onChange } = this.deps;
    const added = [...after.seenMs.keys()].filter((address) => !before.seenMs.has(address));
    const removed = [...before.seenMs.keys()].filter((address) => !after.seenMs.has(address));
    const hasChanged = added.length + removed.length > 0;
    const { failure, tooMany } = after;
    if (failure !== undefined && before.failure === undefined) {
      log.emit({ type: 'name-failed', name, reason: failure, kept: after.seenMs.size });
    } else if (failure === undefined && (hasChanged || before.failure !== undefined)) {
      log.emit({ type: 'name-resolved', name, added, removed, leftOut: tooMany });
    }
    if (hasChanged || (failure === undefined) !== (before.failure === undefined)) onChange(name);
  }

  /** What the name stands for, as far as addresses of the pool can reach it. */
  addressesOf(pool: string, name: string): readonly string[] {
    const known = this.watches.get(name)?.current.seenMs ?? this.remembered.peek(name)?.seenMs;
    const families = this.families.get(pool);
    return [...(known?.keys() ?? [])].filter((address) => families?.has(familyOf(address)) !== false);
  }

  isFailing(name: string): boolean {
    return this.watches.get(name)?.current.failure !== undefined;
  }

  get statuses(): readonly NameStatus[] {
    return [...this.watches].map(([name, { current, counts }]) => ({
      name,
      addresses: [...current.seenMs.keys()],
      failure: current.failure,
      leftOut: { unusable: current.unusable, 'too-many': current.tooMany },
      lookups: Object.fromEntries(counts),
    }));
  }

  /** Idempotent. */
  stop(): void {
    for (const watch of this.watches.values()) watch.stop();
  }
}
