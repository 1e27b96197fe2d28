import type { SourcePoolConfig } from '../../config/config.ts';
import type { Clock } from '../clock.ts';
import type { PortBlock as GrantedPorts } from '../control/messages.ts';
import type { PortMetrics } from '../metrics/plane-metrics.ts';
import { BlockRequests } from './block-requests.ts';
import { DestinationPorts } from './destination-ports.ts';
import { type Destination, DestinationTable } from './destination-table.ts';
import { LeaseCodec } from './lease-codec.ts';
import { MostFree } from './most-free.ts';
import { BLOCK_SHIFT, countBits, cutIntoBlocks, joinRuns, runsOf } from './port-block.ts';
import { PortRecords } from './port-records.ts';
import type { PortUse } from './port-use.ts';
import { RoundRobin } from './round-robin.ts';
import { SourceFamily } from './source-family.ts';
import { type PortChange, SourcePorts } from './source-ports.ts';
import { allIdlePorts, idlePorts, type SurplusPorts, surplusBlocks } from './surplus-ports.ts';

export type { Destination } from './destination-table.ts';

/**
 * How a connection ended. `closed`: this side closed first, so the kernel keeps the port in TIME_WAIT, and it rests for as long.
 * `closed-by-peer`, `reset` and `unused` (it never was connected) leave nothing behind on this host: the port is free at once.
 */
export type LeaseEnd = 'closed' | 'closed-by-peer' | 'reset' | 'unused';

const MAX_IDLE_DESTINATIONS = 1024;
/** Sources that a pool has room for besides twice those of its config: they can be added while it runs. */
const SPARE_SOURCES = 64;

export interface LeasePoolOptions {
  readonly pool: SourcePoolConfig;
  readonly quarantineMs: number;
  /**
   * Called before the ports run out: grant `blocks` more. `isStarved`: none is left towards some destination. May call `grant` before it
   * returns.
   */
  readonly onLow: (pool: string, blocks: number, isStarved: boolean) => void;
  /** A connection found that this address is not on this host; it is blocked until `setBlocked` says otherwise. Default: nothing. */
  readonly onLost?: (pool: string, address: string) => void;
  /** Destinations without a connection that are remembered. Default 1024. */
  readonly maxIdleDestinations?: number;
}

/**
 * The source ports that one process may connect from, out of one pool. A lease is a number ≥ 0, to be given back once by `release` or
 * `setAside`, with the destination it was for; a second time is counted and does nothing.
 */
export class LeasePool {
  readonly name: string;
  /** Replaced by another object where it changes. */
  exhaustion: SourcePoolConfig['exhaustion'];
  /** Leases given back twice, or never given: always a bug of the caller. */
  doubleReleases = 0;
  /** Times that no port was free. */
  refused = 0;
  /** Ports that the kernel would not bind. */
  asides = 0;
  private readonly clock: Clock;
  private readonly hasQuarantine: boolean;
  private readonly sources: SourcePorts[] = [];
  /** Places in `sources` of those that were removed. */
  private readonly vacant: number[] = [];
  private readonly families: { readonly four: SourceFamily; readonly six: SourceFamily };
  private readonly indexOf = new Map<string, number>();
  private readonly capacity: number;
  private readonly codec: LeaseCodec;
  private readonly destinations: DestinationTable;
  private readonly requests: BlockRequests;
  private readonly onLost: LeasePoolOptions['onLost'];

  constructor(deps: { readonly clock: Clock }, options: LeasePoolOptions) {
    const { pool, quarantineMs, onLow } = options;
    this.clock = deps.clock;
    this.name = pool.name;
    this.exhaustion = pool.exhaustion;
    this.onLost = options.onLost;
    this.hasQuarantine = quarantineMs > 0;
    this.families = { four: new SourceFamily(), six: new SourceFamily() };
    this.capacity = 2 ** Math.ceil(Math.log2(pool.addresses.length + SPARE_SOURCES));
    this.codec = new LeaseCodec(this.capacity);
    this.requests = new BlockRequests((blocks, isStarved) => onLow(this.name, blocks, isStarved));
    const records = new PortRecords();
    const Strategy = pool.strategy === 'most-free' ? MostFree : RoundRobin;
    const create = (name: string, host: string): DestinationPorts => {
      const strategy = new Strategy(this.capacity);
      const family = this.familyOf(host);
      return new DestinationPorts({ sources: this.sources, family, records, strategy }, { name, quarantineMs });
    };
    this.destinations = new DestinationTable(
      { create },
      { maxIdle: options.maxIdleDestinations ?? MAX_IDLE_DESTINATIONS },
    );
    for (const address of pool.addresses) this.addSource(address);
  }

  /** An IPv4 source cannot reach an IPv6 destination, nor the other way round. */
  private familyOf(host: string): SourceFamily {
    return host.includes(':') ? this.families.six : this.families.four;
  }

  // Sources

  /** One more address to connect from, which has no ports yet. False if there is no room for it. One that is known is let be. */
  addSource(address: string): boolean {
    if (this.indexOf.has(address)) return true;
    const index = this.vacant.pop() ?? this.sources.length;
    if (index === this.capacity) return false;
    this.sources[index] = new SourcePorts(address);
    this.indexOf.set(address, index);
    this.familyOf(address).sources.push(index);
    return true;
  }

  /** Forgets an address of which no port is owned any more; its place goes to the next that is added. */
  removeSource(address: string): void {
    const index = this.indexOf.get(address);
    if (index === undefined || this.sources[index]!.ownedPorts > 0) return;
    this.setBlocked(address, true);
    this.indexOf.delete(address);
    const { sources } = this.familyOf(address);
    sources.splice(sources.indexOf(index), 1);
    for (const { ports } of this.destinations.all()) ports.removeSource(index);
    this.vacant.push(index);
  }

  /** It has no source any more. */
  get isEmpty(): boolean {
    return this.indexOf.size === 0;
  }

  /** A blocked source gives no leases; those that it gave stay valid. */
  setBlocked(address: string, isBlocked: boolean): void {
    const index = this.indexOf.get(address);
    const source = index === undefined ? undefined : this.sources[index]!;
    if (index === undefined || source === undefined || source.isBlocked === isBlocked) return;
    source.isBlocked = isBlocked;
    const family = this.familyOf(address);
    family.usablePorts += isBlocked ? -source.usablePorts : source.usablePorts;
    for (const { ports } of this.destinations.all()) if (ports.family === family) ports.onBlocked(index);
  }

  /** The address is not on this host any more. */
  loseSource(address: string): void {
    const index = this.indexOf.get(address);
    if (index === undefined || this.sources[index]!.isBlocked) return;
    this.setBlocked(address, true);
    this.onLost?.(this.name, address);
  }

  /** From now on exactly these ports of the source are not leased; leases of them stay valid. */
  avoid(address: string, ports: Iterable<number>): void {
    const index = this.indexOf.get(address);
    if (index !== undefined) this.change(index, (source) => source.avoid(ports));
  }

  private change(index: number, apply: (source: SourcePorts) => PortChange[]): void {
    const source = this.sources[index]!;
    const before = source.usablePorts;
    const changes = apply(source);
    if (changes.length === 0) return;
    const delta = source.usablePorts - before;
    const family = this.familyOf(source.address);
    if (!source.isBlocked) family.usablePorts += delta;
    for (const { ports } of this.destinations.all()) if (ports.family === family) ports.onChange(index, changes, delta);
  }

  // Ports change owner

  /**
   * Takes over ports; those of other pools and of addresses that are not of this pool are passed over. None at all is the answer that
   * there are none left.
   */
  grant(granted: readonly GrantedPorts[]): void {
    let isGranted = false;
    for (const { pool, address, firstPort, lastPort } of granted) {
      const index = pool === this.name ? this.indexOf.get(address) : undefined;
      if (index === undefined) continue;
      isGranted = true;
      for (const { first, last } of cutIntoBlocks(firstPort, lastPort)) {
        this.change(index, (source) => source.add(first, last));
      }
    }
    if (isGranted) this.requests.onGranted();
    else if (granted.length === 0) this.requests.onNothing(this.clock.now());
  }

  /**
   * Gives up whole blocks of which no port is busy towards any destination, as far as they are more than the need of late, and all idle
   * ports of blocked sources that `isLeaving` names. To be called now and then; what it returns is no longer used here.
   */
  returnIdle(isLeaving: (address: string) => boolean = () => false): GrantedPorts[] {
    this.destinations.sweep(this.clock.now());
    const surplus: SurplusPorts[] = [];
    for (const family of [this.families.four, this.families.six]) {
      let most = 0;
      for (const { ports } of this.destinations.all()) if (ports.family === family) most = Math.max(most, ports.busy);
      surplus.push(...surplusBlocks(this.sources, family, most));
    }
    this.sources.forEach((source, index) => {
      if (source.isBlocked && isLeaving(source.address)) surplus.push(...allIdlePorts(source, index, this.isBusy));
    });
    return this.giveUp(surplus);
  }

  /** Gives up to `count` ports that are not busy towards any destination to processes that need them more. */
  spare(count: number): GrantedPorts[] {
    const surplus: SurplusPorts[] = [];
    let left = count;
    for (const family of [this.families.four, this.families.six]) {
      // A port that is idle everywhere is free towards the fullest destination, where few have to be looked at.
      const fullest = this.fullest(family);
      if (fullest !== undefined) left = Math.min(left, fullest.free);
      for (const index of family.sources) {
        const source = this.sources[index]!;
        if (source.isBlocked || left <= 0) continue;
        const candidates = fullest?.freePorts(index) ?? source.usablePortNumbers();
        const ports = idlePorts(source, index, candidates, left, this.isBusy);
        left -= ports.reduce((sum, { bits }) => sum + countBits(bits), 0);
        surplus.push(...ports);
      }
    }
    return this.giveUp(surplus);
  }

  private fullest(family: SourceFamily): DestinationPorts | undefined {
    let fullest: DestinationPorts | undefined;
    for (const { ports } of this.destinations.all()) {
      if (ports.family !== family) continue;
      ports.settle(this.clock.now());
      if (fullest === undefined || ports.free < fullest.free) fullest = ports;
    }
    return fullest;
  }

  /** Ports that every destination can still get; of IPv4 and IPv6 together. */
  get freeEverywhere(): number {
    return [this.families.four, this.families.six].reduce(
      (sum, family) => sum + (this.fullest(family)?.free ?? family.usablePorts),
      0,
    );
  }

  private readonly isBusy = (source: number, port: number): boolean => {
    for (const { ports } of this.destinations.all()) if (ports.isBusy(source, port)) return true;
    return false;
  };

  private giveUp(surplus: readonly SurplusPorts[]): GrantedPorts[] {
    const returned: GrantedPorts[] = [];
    for (const { source: index, place, word, bits } of surplus) {
      const source = this.sources[index]!;
      const base = (source.blocks[place]! << BLOCK_SHIFT) + word * 32;
      for (const { first, last } of runsOf(base, bits)) {
        const before = returned.at(-1);
        const isNext = before?.address === source.address && before.lastPort + 1 === first && word > 0;
        const firstPort = isNext ? returned.pop()!.firstPort : first;
        returned.push({ pool: this.name, address: source.address, firstPort, lastPort: last });
      }
      this.change(index, () => source.give(place, word, bits));
    }
    this.closeEmpty(new Set(surplus.map(({ source }) => source)));
    return returned;
  }

  private closeEmpty(indices: ReadonlySet<number>): void {
    for (const index of indices) {
      const source = this.sources[index]!;
      const empty = new Set(source.emptyPlaces);
      if (empty.size === 0) continue;
      for (const { ports } of this.destinations.all()) ports.drop(index, empty);
      for (const place of empty) source.close(place);
    }
  }

  /** All that it may lease. */
  get owned(): GrantedPorts[] {
    return this.sources.flatMap((source) =>
      joinRuns(source.ownedRuns()).map(({ first, last }) => ({
        pool: this.name,
        address: source.address,
        firstPort: first,
        lastPort: last,
      })),
    );
  }

  // Leases

  /** The same object each time for the same address and port, for as long as it is in use. */
  destination(host: string, port: number): Destination {
    return this.destinations.get(host, port, this.clock.now());
  }

  /** A lease, or -1 if no port is free towards this destination. */
  lease(destination: Destination): number {
    const ports = this.settled(destination);
    const generation = this.codec.nextGeneration();
    let port = ports.take(generation);
    if (ports.free < ports.family.lowMark || port < 0) {
      this.requests.ask(ports.family.usablePorts, this.sources.length, port < 0, this.clock.now());
      // The answer may have come at once.
      if (port < 0) port = ports.take(generation);
    }
    if (port < 0) {
      this.refused++;
      return -1;
    }
    return this.codec.encode(port, generation);
  }

  /** Whether `lease` would find a port now. For who waits for one: where there is none, more are asked for as `lease` does. */
  hasFree(destination: Destination): boolean {
    const ports = this.settled(destination);
    if (ports.free > 0) return true;
    this.requests.ask(ports.family.usablePorts, this.sources.length, true, this.clock.now());
    return ports.free > 0;
  }

  private settled(destination: Destination): DestinationPorts {
    let { ports } = destination;
    if (ports.isAway) ports = this.destinations.recall(destination);
    if (ports.isResting) ports.settle(this.clock.now());
    return ports;
  }

  addressOf(lease: number): string {
    return this.sources[this.codec.portOf(lease) >>> 16]!.address;
  }

  portOf(lease: number): number {
    return lease & 0xffff;
  }

  release({ ports }: Destination, lease: number, end: LeaseEnd): void {
    const port = this.codec.portOf(lease);
    const generation = this.codec.generationOf(lease);
    const isReleased =
      end === 'closed' && this.hasQuarantine
        ? ports.startQuarantine(port, generation, this.clock.now())
        : ports.release(port, generation);
    if (!isReleased) this.doubleReleases++;
  }

  /** Instead of `release`, for a port that the kernel would not bind (EADDRINUSE, EADDRNOTAVAIL): left alone for a while, the longer the more often in a row. */
  setAside({ ports }: Destination, lease: number): void {
    const isAside = ports.setAside(this.codec.portOf(lease), this.codec.generationOf(lease), this.clock.now());
    if (isAside) this.asides++;
    else this.doubleReleases++;
  }

  // For those who look on

  /** Every known destination with each source that can reach it, for the metrics. */
  counts(): PortMetrics[] {
    const now = this.clock.now();
    const counts: PortMetrics[] = [];
    for (const { name, ports } of this.destinations.all()) {
      ports.settle(now);
      for (const i of ports.family.sources) {
        const { leases, free, used, quarantined, unusable } = ports.counts(i);
        const source = this.sources[i]!.address;
        counts.push({ pool: this.name, source, destination: name, leases, free, used, quarantined, unusable });
      }
    }
    return counts;
  }

  /** Every destination that is known. */
  *known(): Iterable<DestinationPorts> {
    for (const { ports } of this.destinations.all()) yield ports;
  }

  /** The index of a source within this pool; -1 for one that is not of it. */
  indexOfSource(address: string): number {
    return this.indexOf.get(address) ?? -1;
  }

  /** By block, for the pairs of source and destination that the filter names and that have a busy port. */
  portUse(filter: { readonly source?: string; readonly destination?: string }): PortUse[] {
    const use: PortUse[] = [];
    const { destination } = filter;
    for (const { name, ports } of destination === undefined
      ? this.destinations.all()
      : this.destinations.named(destination)) {
      ports.settle(this.clock.now());
      this.sources.forEach(({ address }, index) => {
        if (filter.source !== undefined && filter.source !== address) return;
        const blocks = ports.use(index);
        if (blocks !== undefined) use.push({ pool: this.name, source: address, destination: name, ...blocks });
      });
    }
    return use;
  }
}
