import { LRUCache } from 'lru-cache';
import type { DestinationPorts } from './destination-ports.ts';

/** Where connections go: one address and port. A handle that stays valid for as long as its holder likes. */
export interface Destination {
  /** `address:port` */
  readonly name: string;
  readonly host: string;
  /** Replaced when they were forgotten in the meantime. */
  ports: DestinationPorts;
}

const MAX_IDLE_PORTS = 2 ** 20;
const FIRST_SWEEP = 64;

/**
 * The destinations of one pool. Those without a busy port are put in a cache that forgets the ones idle for longest, and with them only
 * the order in which their ports were used. Being put there costs nothing while connecting: it happens in `sweep`.
 */
export class DestinationTable {
  private readonly create: (name: string, host: string) => DestinationPorts;
  private readonly known = new Map<string, Destination>();
  private readonly idle: LRUCache<string, Destination>;
  private sweepAtSize = FIRST_SWEEP;

  constructor(
    deps: { readonly create: (name: string, host: string) => DestinationPorts },
    options: { readonly maxIdle: number },
  ) {
    this.create = deps.create;
    this.idle = new LRUCache({
      max: options.maxIdle,
      maxSize: MAX_IDLE_PORTS,
      sizeCalculation: ({ ports }) => Math.min(MAX_IDLE_PORTS, ports.touched + 1),
      dispose: (destination, _name, reason) => {
        if (reason === 'evict') this.forget(destination);
      },
    });
  }

  get size(): number {
    return this.known.size;
  }

  all(): Iterable<Destination> {
    return this.known.values();
  }

  /** The one of that name, if it is known. */
  named(name: string): readonly Destination[] {
    const known = this.known.get(name);
    return known === undefined ? [] : [known];
  }

  /** The same object each time, until it has been idle for long. */
  get(host: string, port: number, nowMs: number): Destination {
    const name = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const known = this.known.get(name);
    if (known !== undefined) return known;
    if (this.known.size >= this.sweepAtSize) {
      this.sweep(nowMs);
      this.sweepAtSize = Math.max(FIRST_SWEEP, this.known.size * 2);
    }
    const destination = { name, host, ports: this.create(name, host) };
    this.known.set(name, destination);
    return destination;
  }

  /** For a destination whose ports are away: makes them, or those of its successor, the ones in use. */
  recall(destination: Destination): DestinationPorts {
    const { name, host } = destination;
    if (destination.ports.isForgotten) {
      const successor = this.known.get(name);
      destination.ports = successor?.ports ?? this.create(name, host);
      if (successor === undefined) this.known.set(name, destination);
    }
    const { ports } = destination;
    if (ports.isAway) this.idle.delete(name);
    ports.isAway = false;
    return ports;
  }

  /** Puts those that are idle now with the idle ones. */
  sweep(nowMs: number): void {
    for (const destination of [...this.known.values()]) {
      const { ports, name } = destination;
      ports.settle(nowMs);
      if (ports.busy > 0 || ports.isAway) continue;
      ports.isAway = true;
      this.idle.set(name, destination);
    }
  }

  private forget({ name, ports }: Destination): void {
    ports.clear();
    ports.isForgotten = true;
    this.known.delete(name);
  }
}
