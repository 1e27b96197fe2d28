import type { SourcePoolConfig } from '../../config/config.ts';
import type { Clock } from '../clock.ts';
import type { PortBlock as GrantedBlock } from '../control/messages.ts';
import type { PortMetrics } from '../metrics/plane-metrics.ts';
import { BlockRequests } from './block-requests.ts';
import { DestinationPorts } from './destination-ports.ts';
import { type Destination, DestinationTable } from './destination-table.ts';
import { LeaseCodec } from './lease-codec.ts';
import { MostFree } from './most-free.ts';
import { cutIntoBlocks, type PortBlock } from './port-block.ts';
import { PortRecords } from './port-records.ts';
import { RoundRobin } from './round-robin.ts';
import { SourceFamily } from './source-family.ts';
import { SourcePorts } from './source-ports.ts';
import { surplusBlocks } from './surplus-blocks.ts';

export type { Destination } from './destination-table.ts';

/**
 * How a connection ended. `closed`: this side closed first, so the kernel keeps the port in TIME_WAIT, and it rests for as long.
 * `closed-by-peer`, `reset` and `unused` (it never was connected) leave nothing behind on this host: the port is free at once.
 */
export type LeaseEnd = 'closed' | 'closed-by-peer' | 'reset' | 'unused';

const MAX_IDLE_DESTINATIONS = 1024;

/**
 * The source ports that one process may connect from, out of one pool. A lease is a number ≥ 0, to be given back once by `release` or
 * `setAside`, with the destination it was for; a second time is counted and does nothing.
 */
export class LeasePool {
  readonly exhaustion: SourcePoolConfig['exhaustion'];
  /** Leases given back twice, or never given: always a bug of the caller. */
  doubleReleases = 0;
  /** Times that no port was free. */
  refused = 0;
  /** Ports that the kernel would not bind. */
  asides = 0;
  private readonly clock: Clock;
  private readonly name: string;
  private readonly hasQuarantine: boolean;
  private readonly sources: readonly SourcePorts[];
  private readonly families: { readonly four: SourceFamily; readonly six: SourceFamily };
  private readonly indexOf = new Map<string, number>();
  private readonly codec: LeaseCodec;
  private readonly destinations: DestinationTable;
  private readonly requests: BlockRequests;
  private ownedBlocks = 0;

  constructor(
    deps: { readonly clock: Clock },
    options: {
      readonly pool: SourcePoolConfig;
      readonly quarantineMs: number;
      /** Called before the ports run out: grant `blocks` more. May call `grant` before it returns. */
      readonly onLow: (pool: string, blocks: number) => void;
      /** Destinations without a connection that are remembered. Default 1024. */
      readonly maxIdleDestinations?: number;
    },
  ) {
    const { pool, quarantineMs, onLow } = options;
    this.clock = deps.clock;
    this.name = pool.name;
    this.exhaustion = pool.exhaustion;
    this.hasQuarantine = quarantineMs > 0;
    this.sources = pool.addresses.map((address) => new SourcePorts(address));
    pool.addresses.forEach((address, i) => {
      this.indexOf.set(address, i);
    });
    const indices = [...pool.addresses.keys()];
    const isSix = (i: number): boolean => pool.addresses[i]!.includes(':');
    this.families = {
      four: new SourceFamily(indices.filter((i) => !isSix(i))),
      six: new SourceFamily(indices.filter(isSix)),
    };
    this.codec = new LeaseCodec(this.sources.length);
    this.requests = new BlockRequests((blocks) => onLow(this.name, blocks), { sources: this.sources.length });
    const records = new PortRecords();
    const Strategy = pool.strategy === 'most-free' ? MostFree : RoundRobin;
    const create = (name: string, host: string): DestinationPorts => {
      const family = this.familyOf(host);
      const strategy = new Strategy(this.sources.length);
      return new DestinationPorts({ sources: this.sources, family, records, strategy }, { name, quarantineMs });
    };
    this.destinations = new DestinationTable(
      { create },
      { maxIdle: options.maxIdleDestinations ?? MAX_IDLE_DESTINATIONS },
    );
  }

  /** An IPv4 source cannot reach an IPv6 destination, nor the other way round. */
  private familyOf(host: string): SourceFamily {
    return host.includes(':') ? this.families.six : this.families.four;
  }

  /**
   * Takes over blocks; those of other pools, of addresses that are not of this pool, and those owned already are passed over. No block at
   * all is the answer that there are none left.
   */
  grant(blocks: readonly GrantedBlock[]): void {
    let isGranted = false;
    for (const { pool, address, firstPort, lastPort } of blocks) {
      const index = pool === this.name ? this.indexOf.get(address) : undefined;
      if (index === undefined) continue;
      for (const block of cutIntoBlocks(firstPort, lastPort)) if (this.add(index, block)) isGranted = true;
    }
    if (isGranted) this.requests.onGranted();
    else if (blocks.length === 0) this.requests.onNothing(this.clock.now());
  }

  private add(index: number, block: PortBlock): boolean {
    const source = this.sources[index]!;
    const place = source.add(block);
    if (place < 0) return false;
    this.ownedBlocks++;
    this.familyOf(source.address).owned += block.size;
    for (const { ports } of this.destinations.all()) ports.onGranted(index, place);
    return true;
  }

  /**
   * Gives up blocks of which no port is in use or at rest towards any destination, as far as they are more than the need of late. To be
   * called now and then; what it returns is no longer used here.
   */
  returnIdle(): GrantedBlock[] {
    this.destinations.sweep(this.clock.now());
    const returned: GrantedBlock[] = [];
    for (const family of [this.families.four, this.families.six]) {
      let most = 0;
      for (const { ports } of this.destinations.all()) if (ports.family === family) most = Math.max(most, ports.busy);
      for (const [index, places] of surplusBlocks(this.sources, family, most)) {
        const source = this.sources[index]!;
        for (const { ports } of this.destinations.all()) ports.drop(index, places);
        for (const place of places) {
          const { first, last, size } = source.blocks[place]!;
          source.remove(place);
          this.ownedBlocks--;
          family.owned -= size;
          returned.push({ pool: this.name, address: source.address, firstPort: first, lastPort: last });
        }
        for (const { ports } of this.destinations.all()) ports.refresh(index);
      }
    }
    return returned;
  }

  /** The same object each time for the same address and port, for as long as it is in use. */
  destination(host: string, port: number): Destination {
    return this.destinations.get(host, port, this.clock.now());
  }

  /** A lease, or -1 if no port is free towards this destination. */
  lease(destination: Destination): number {
    let { ports } = destination;
    if (ports.isAway) ports = this.destinations.recall(destination);
    if (ports.isResting) ports.settle(this.clock.now());
    const generation = this.codec.nextGeneration();
    let port = ports.take(generation);
    if (ports.free < ports.family.lowMark || port < 0) {
      this.requests.ask(this.ownedBlocks, this.clock);
      // The answer may have come at once.
      if (port < 0) port = ports.take(generation);
    }
    if (port < 0) {
      this.refused++;
      return -1;
    }
    return this.codec.encode(port, generation);
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

  /** Instead of `release`, for a port that the kernel would not bind (EADDRINUSE, EADDRNOTAVAIL): left alone for a minute. */
  setAside({ ports }: Destination, lease: number): void {
    const isAside = ports.setAside(this.codec.portOf(lease), this.codec.generationOf(lease), this.clock.now());
    if (isAside) this.asides++;
    else this.doubleReleases++;
  }

  /** Every known destination with each source that can reach it, for the metrics. */
  counts(): PortMetrics[] {
    const now = this.clock.now();
    const counts: PortMetrics[] = [];
    for (const { name, ports } of this.destinations.all()) {
      ports.settle(now);
      for (const i of ports.family.sources) {
        counts.push({
          pool: this.name,
          source: this.sources[i]!.address,
          destination: name,
          ...ports.counts(i),
        });
      }
    }
    return counts;
  }
}
