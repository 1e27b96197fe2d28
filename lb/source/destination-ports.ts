import { PortMap } from './port-map.ts';
import type { PortRecords } from './port-records.ts';
import type { PortUse } from './port-use.ts';
import { type RestLinks, RestQueue } from './rest-queue.ts';
import type { SourceFamily } from './source-family.ts';
import type { PortChange, SourcePorts } from './source-ports.ts';
import type { SourceStrategy } from './strategy.ts';

/**
 * How long a port that the kernel refused is left alone, by how often it was in a row. At first it may be the end of the connection before
 * that has not been acknowledged yet (LAST_ACK, a round trip to the server); after that some other program holds it, and may let go.
 */
const ASIDE_MS = [50, 1000, 60_000] as const;
const PORT_BITS = 16;
const PORT_MASK = 0xffff;

/**
 * The ports of all sources towards one destination. Within it a port is known by the index of its source, shifted by 16 bits, and its
 * number.
 */
export class DestinationPorts implements RestLinks {
  readonly name: string;
  readonly family: SourceFamily;
  /** Ports in use or at rest. */
  busy = 0;
  /** Ports of sources that are not blocked that `take` could give. */
  free = 0;
  /** Leases ever made, by source. */
  readonly leases: number[] = [];
  /** Not in daily use: among the idle ones, or forgotten. */
  isAway = false;
  isForgotten = false;
  private readonly sources: readonly SourcePorts[];
  private readonly records: PortRecords;
  private readonly strategy: SourceStrategy;
  /** By source; those never used are missing. */
  private readonly maps: (PortMap | undefined)[];
  private readonly quarantine: RestQueue;
  /** By times refused in a row. */
  private readonly asides: readonly RestQueue[];
  /** Times refused in a row, of the ports that were refused the last time. */
  private readonly refusals = new Map<number, number>();

  constructor(
    deps: {
      readonly sources: readonly SourcePorts[];
      readonly family: SourceFamily;
      readonly records: PortRecords;
      readonly strategy: SourceStrategy;
    },
    options: { readonly name: string; readonly quarantineMs: number },
  ) {
    this.name = options.name;
    this.family = deps.family;
    this.sources = deps.sources;
    this.records = deps.records;
    this.strategy = deps.strategy;
    this.maps = [];
    this.quarantine = new RestQueue(this, options.quarantineMs);
    this.asides = ASIDE_MS.map((restMs) => new RestQueue(this, restMs));
    for (const source of this.family.sources) if (!this.sources[source]!.isBlocked) this.onBlocked(source);
  }

  get isResting(): boolean {
    return this.quarantine.length > 0 || this.asides.some(({ length }) => length > 0);
  }

  /** Ports that have a record here. */
  get touched(): number {
    return this.maps.reduce((sum, map) => sum + (map?.touchedPorts ?? 0), 0);
  }

  /** Frees the ports whose rest is over. */
  settle(nowMs: number): void {
    while (this.quarantine.readyAtMs <= nowMs) {
      const port = this.quarantine.shift();
      this.maps[port >>> PORT_BITS]!.quarantined--;
      this.wake(port);
    }
    for (const aside of this.asides) {
      while (aside.readyAtMs <= nowMs) {
        const port = aside.shift();
        this.maps[port >>> PORT_BITS]!.aside--;
        this.wake(port);
      }
    }
  }

  /** A port, or -1 if none is free. */
  take(generation: number): number {
    const source = this.strategy.pick();
    if (source < 0) return -1;
    const map = this.maps[source] ?? this.addMap(source);
    const port = map.take(generation);
    this.busy++;
    this.free--;
    this.leases[source]!++;
    this.strategy.update(source, map.free);
    return (source << PORT_BITS) | port;
  }

  private addMap(source: number): PortMap {
    while (this.maps.length <= source) this.maps.push(undefined);
    while (this.leases.length <= source) this.leases.push(0);
    const map = new PortMap(this.sources[source]!, this.records);
    this.maps[source] = map;
    return map;
  }

  /** Ports of a source that can be taken. */
  freePorts(source: number): Iterable<number> {
    return this.maps[source]?.freePorts() ?? this.sources[source]!.usablePortNumbers();
  }

  /** An audit has found a socket from that port to here. */
  markSeen(source: number, port: number): boolean {
    return this.maps[source]?.markSeen(port) === true;
  }

  /** The end of an audit: gives up the leases whose sockets two audits in a row have not found. Returns how many. */
  releaseMissed(): number {
    let count = 0;
    this.maps.forEach((map, source) => {
      for (const { port, generation } of map?.takeMissed() ?? [])
        if (this.release((source << PORT_BITS) | port, generation)) count++;
    });
    return count;
  }

  /** Whether that port of the source is in use or at rest. */
  isBusy(source: number, port: number): boolean {
    return this.maps[source]?.isBusy(port) === true;
  }

  /** These three: false, and nothing else, if the port is not in use or was leased with another generation. */
  release(port: number, generation: number): boolean {
    if (this.maps[port >>> PORT_BITS]?.rest(port & PORT_MASK, generation) !== true) return false;
    if (this.refusals.size > 0) this.refusals.delete(port);
    this.wake(port);
    return true;
  }

  startQuarantine(port: number, generation: number, nowMs: number): boolean {
    const map = this.maps[port >>> PORT_BITS];
    if (map?.rest(port & PORT_MASK, generation) !== true) return false;
    if (this.refusals.size > 0) this.refusals.delete(port);
    map.quarantined++;
    this.quarantine.push(port, nowMs);
    return true;
  }

  setAside(port: number, generation: number, nowMs: number): boolean {
    const map = this.maps[port >>> PORT_BITS];
    if (map?.rest(port & PORT_MASK, generation) !== true) return false;
    map.aside++;
    const before = this.refusals.get(port) ?? 0;
    this.refusals.set(port, before + 1);
    this.asides[Math.min(before, this.asides.length - 1)]!.push(port, nowMs);
    return true;
  }

  private wake(port: number): void {
    const source = port >>> PORT_BITS;
    const map = this.maps[source]!;
    this.busy--;
    if (!map.wake(port & PORT_MASK) || this.sources[source]!.isBlocked) return;
    this.free++;
    this.strategy.update(source, map.free);
  }

  link(port: number): number {
    return this.maps[port >>> PORT_BITS]!.link(port & PORT_MASK);
  }

  setLink(port: number, next: number): void {
    this.maps[port >>> PORT_BITS]!.setLink(port & PORT_MASK, next);
  }

  /** The ports of a source have changed; it has `delta` usable ones more. */
  onChange(source: number, changes: readonly PortChange[], delta: number): void {
    const map = this.maps[source];
    const before = map === undefined ? 0 : map.free - delta;
    if (map !== undefined) for (const change of changes) map.onChange(change);
    if (this.sources[source]!.isBlocked) return;
    this.free += map === undefined ? delta : map.free - before;
    this.strategy.update(source, this.freeOf(source));
  }

  /** A source has just been blocked, or may be used again. */
  onBlocked(source: number): void {
    const free = this.freeOf(source);
    const { isBlocked } = this.sources[source]!;
    this.free += isBlocked ? -free : free;
    this.strategy.update(source, isBlocked ? 0 : free);
  }

  /** Its place goes to another one. */
  removeSource(source: number): void {
    if (source < this.maps.length) this.maps[source] = undefined;
    if (source < this.leases.length) this.leases[source] = 0;
  }

  private freeOf(source: number): number {
    return this.maps[source]?.free ?? this.sources[source]!.usablePorts;
  }

  /** A source is about to lose the blocks in `places`, of which no port is owned any more. */
  drop(source: number, places: ReadonlySet<number>): void {
    this.maps[source]?.drop(places);
    for (const port of this.refusals.keys()) {
      if (port >>> PORT_BITS === source && places.has(this.sources[source]!.placeOf(port & PORT_MASK)))
        this.refusals.delete(port);
    }
  }

  /** Gives its memory back. Only when nothing is busy. */
  clear(): void {
    this.maps.forEach((map, source) => {
      map?.drop(new Set(this.sources[source]!.blocks.keys()));
    });
    this.maps.length = 0;
    this.refusals.clear();
  }

  /** By block; undefined for a source that was never used. Ports put aside count as quarantined here. */
  use(source: number): Omit<PortUse, 'pool' | 'source' | 'destination'> | undefined {
    const map = this.maps[source];
    return map === undefined ? undefined : { ...map.use(), unusable: this.sources[source]!.unusableByBlock() };
  }

  /** Ports owned of the source, by what they are. A blocked source has none that is free. */
  counts(source: number): {
    free: number;
    used: number;
    quarantined: number;
    unusable: number;
    leases: number;
  } {
    const ports = this.sources[source]!;
    const { free, used, quarantined } = this.maps[source] ?? { free: ports.usablePorts, used: 0, quarantined: 0 };
    return {
      free: ports.isBlocked ? 0 : free,
      used,
      quarantined,
      unusable: ports.ownedPorts - used - quarantined - (ports.isBlocked ? 0 : free),
      leases: this.leases[source] ?? 0,
    };
  }
}
