import type { SourcePoolConfig } from '../../config/config.ts';
import type { Clock } from '../clock.ts';
import type { PortBlock as GrantedBlock } from '../control/messages.ts';
import type { PortMetrics } from '../metrics/plane-metrics.ts';
import { PortBlock } from './port-block.ts';
import { PortMap } from './port-map.ts';
import { SourcePorts } from './source-ports.ts';
import { mostFree, roundRobin, type SourceStrategy } from './strategy.ts';

/** More blocks are asked for when a destination has fewer free ports than this share of what is owned. */
const LOW_SHARE = 0.25;
/** How often a refused or unanswered request for blocks is made anew. */
const ASK_AGAIN_MS = 1000;
const PORT_BITS = 16;

/** Where connections go: one address and port. Made by `LeasePool.destination`. */
export interface Destination {
  /** `address:port` */
  readonly name: string;
  /** By source, in the order of the pool's addresses. */
  readonly maps: PortMap[];
}

/**
 * The source ports that one process may connect from, out of one pool. A lease is a number: the index of the source and the port. Every
 * lease that `lease` gives goes back by `release` or `setAside`, once; a second time is counted and does nothing.
 */
export class LeasePool {
  readonly exhaustion: SourcePoolConfig['exhaustion'];
  /** Leases given back twice: always a bug of the caller. */
  doubleReleases = 0;
  private readonly clock: Clock;
  private readonly name: string;
  private readonly quarantineMs: number;
  private readonly onLow: (pool: string, blocks: number) => void;
  private readonly sources: readonly SourcePorts[];
  private readonly choose: SourceStrategy;
  private readonly destinations = new Map<string, Destination>();
  private askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    deps: { readonly clock: Clock },
    options: {
      readonly pool: SourcePoolConfig;
      readonly quarantineMs: number;
      /** Called before the ports run out: grant `blocks` more. */
      readonly onLow: (pool: string, blocks: number) => void;
    },
  ) {
    this.clock = deps.clock;
    this.name = options.pool.name;
    this.exhaustion = options.pool.exhaustion;
    this.quarantineMs = options.quarantineMs;
    this.onLow = options.onLow;
    this.sources = options.pool.addresses.map((address) => new SourcePorts(address));
    this.choose = options.pool.strategy === 'most-free' ? mostFree() : roundRobin();
  }

  /** Takes over blocks; those of addresses that are not of this pool are passed over. */
  grant(blocks: readonly GrantedBlock[]): void {
    for (const { pool, address, firstPort, lastPort } of blocks) {
      if (pool !== this.name) continue;
      this.sources.find((source) => source.address === address)?.add(new PortBlock(firstPort, lastPort));
    }
  }

  /** The same object each time for the same address and port. */
  destination(host: string, port: number): Destination {
    const name = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    let destination = this.destinations.get(name);
    if (destination === undefined) {
      const isSix = host.includes(':');
      // An IPv4 source cannot reach an IPv6 destination, nor the other way round: its map stays empty.
      const maps = this.sources.map((source) => {
        const fits = source.address.includes(':') === isSix;
        return new PortMap(fits ? source : new SourcePorts(source.address), this.quarantineMs);
      });
      destination = { name, maps };
      this.destinations.set(name, destination);
    }
    return destination;
  }

  /** A lease, or -1 if no port is free towards this destination. */
  lease(destination: Destination): number {
    const { maps } = destination;
    const now = this.clock.now();
    for (let i = 0; i < maps.length; i++) maps[i]!.settle(now);
    const index = this.choose(maps);
    if (index < 0) {
      this.askForBlocks(now);
      return -1;
    }
    const map = maps[index]!;
    const port = map.take();
    if (map.free < this.sources[index]!.owned * LOW_SHARE) this.askForBlocks(now);
    return index * (1 << PORT_BITS) + port;
  }

  addressOf(lease: number): string {
    return this.sources[lease >>> PORT_BITS]!.address;
  }

  portOf(lease: number): number {
    return lease & 0xffff;
  }

  /**
   * `closed`: this side closed first, so the kernel keeps the port in TIME_WAIT and it rests for as long. `reset` and `unused` (the peer
   * closed first, or nothing was connected) leave nothing behind: the port is free at once.
   */
  release(destination: Destination, lease: number, end: 'closed' | 'reset' | 'unused'): void {
    const needsQuarantine = end === 'closed' && this.quarantineMs > 0;
    const map = destination.maps[lease >>> PORT_BITS]!;
    if (!map.release(lease & 0xffff, needsQuarantine, this.clock.now())) this.doubleReleases++;
  }

  /** Instead of `release`, for a port that the kernel would not bind (EADDRINUSE, EADDRNOTAVAIL): left alone for a minute. */
  setAside(destination: Destination, lease: number): void {
    if (!destination.maps[lease >>> PORT_BITS]!.setAside(lease & 0xffff, this.clock.now())) this.doubleReleases++;
  }

  /** Every source and destination with its numbers, for the metrics. */
  counts(): PortMetrics[] {
    const now = this.clock.now();
    return [...this.destinations.values()].flatMap(({ name, maps }) =>
      maps.map((map, i) => {
        map.settle(now);
        const { free, used, quarantined, unusable } = map;
        return {
          pool: this.name,
          source: this.sources[i]!.address,
          destination: name,
          free,
          used,
          quarantined,
          unusable,
        };
      }),
    );
  }

  private askForBlocks(nowMs: number): void {
    if (nowMs - this.askedAtMs < ASK_AGAIN_MS) return;
    this.askedAtMs = nowMs;
    // As many again as there are: the number of requests stays small however fast the demand grows.
    const owned = this.sources.reduce((sum, source) => sum + source.blocks.length, 0);
    this.onLow(this.name, Math.max(this.sources.length, owned));
  }
}
