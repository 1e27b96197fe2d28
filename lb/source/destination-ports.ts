import { PortMap } from './port-map.ts';
import type { PortRecords } from './port-records.ts';
import { type RestLinks, RestQueue } from './rest-queue.ts';
import type { SourceFamily } from './source-family.ts';
import type { SourcePorts } from './source-ports.ts';
import type { SourceStrategy } from './strategy.ts';

/** How long a port that the kernel refused is left alone: some other program holds it, and may let go. */
const ASIDE_MS = 60_000;
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
  /** Not in daily use: among the idle ones, or forgotten. */
  isAway = false;
  isForgotten = false;
  private readonly sources: readonly SourcePorts[];
  private readonly records: PortRecords;
  private readonly strategy: SourceStrategy;
  /** By source; those never used are missing. */
  private readonly maps: (PortMap | undefined)[];
  private readonly quarantine: RestQueue;
  private readonly aside: RestQueue;

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
    this.maps = deps.sources.map(() => undefined);
    this.quarantine = new RestQueue(this, options.quarantineMs);
    this.aside = new RestQueue(this, ASIDE_MS);
    for (const source of deps.family.sources) this.strategy.update(source, deps.sources[source]!.owned);
  }

  get free(): number {
    return this.family.owned - this.busy;
  }

  get isResting(): boolean {
    return this.quarantine.length > 0 || this.aside.length > 0;
  }

  /** Ports that have a record here. */
  get touched(): number {
    return this.maps.reduce((sum, map) => sum + (map?.touched ?? 0), 0);
  }

  /** Frees the ports whose rest is over. */
  settle(nowMs: number): void {
    while (this.quarantine.readyAtMs <= nowMs) {
      const port = this.quarantine.shift();
      this.maps[port >>> PORT_BITS]!.quarantined--;
      this.wake(port);
    }
    while (this.aside.readyAtMs <= nowMs) {
      const port = this.aside.shift();
      this.maps[port >>> PORT_BITS]!.unusable--;
      this.wake(port);
    }
  }

  /** A port, or -1 if none is free. */
  take(generation: number): number {
    const source = this.strategy.pick();
    if (source < 0) return -1;
    const map = this.maps[source] ?? this.addMap(source);
    const port = map.take(generation);
    this.busy++;
    this.strategy.update(source, map.free);
    return (source << PORT_BITS) | port;
  }

  private addMap(source: number): PortMap {
    const map = new PortMap(this.sources[source]!, this.records);
    this.maps[source] = map;
    return map;
  }

  /** These three: false, and nothing else, if the port is not in use or was leased with another generation. */
  release(port: number, generation: number): boolean {
    if (this.maps[port >>> PORT_BITS]?.rest(port & PORT_MASK, generation) !== true) return false;
    this.wake(port);
    return true;
  }

  startQuarantine(port: number, generation: number, nowMs: number): boolean {
    const map = this.maps[port >>> PORT_BITS];
    if (map?.rest(port & PORT_MASK, generation) !== true) return false;
    map.quarantined++;
    this.quarantine.push(port, nowMs);
    return true;
  }

  setAside(port: number, generation: number, nowMs: number): boolean {
    const map = this.maps[port >>> PORT_BITS];
    if (map?.rest(port & PORT_MASK, generation) !== true) return false;
    map.unusable++;
    this.aside.push(port, nowMs);
    return true;
  }

  private wake(port: number): void {
    const source = port >>> PORT_BITS;
    const map = this.maps[source]!;
    map.wake(port & PORT_MASK);
    this.busy--;
    this.strategy.update(source, map.free);
  }

  link(port: number): number {
    return this.maps[port >>> PORT_BITS]!.link(port & PORT_MASK);
  }

  setLink(port: number, next: number): void {
    this.maps[port >>> PORT_BITS]!.setLink(port & PORT_MASK, next);
  }

  /** A source has been given a block, which is in `place`. */
  onGranted(source: number, place: number): void {
    this.maps[source]?.rewind(place);
    this.refresh(source);
  }

  /** A source is about to lose the blocks in `places`. `refresh` follows once it has. */
  drop(source: number, places: ReadonlySet<number>): void {
    this.maps[source]?.drop(places);
  }

  refresh(source: number): void {
    this.strategy.update(source, this.maps[source]?.free ?? this.sources[source]!.owned);
  }

  /** Gives its memory back. Only when nothing is busy. */
  clear(): void {
    this.sources.forEach(({ blocks }, source) => {
      this.maps[source]?.drop(new Set(blocks.keys()));
      this.maps[source] = undefined;
    });
  }

  counts(source: number): { free: number; used: number; quarantined: number; unusable: number } {
    const map = this.maps[source];
    if (map === undefined) return { free: this.sources[source]!.owned, used: 0, quarantined: 0, unusable: 0 };
    const { free, used, quarantined, unusable } = map;
    return { free, used, quarantined, unusable };
  }
}
