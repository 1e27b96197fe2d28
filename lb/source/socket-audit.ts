import type { SocketChunk } from '../control/messages.ts';
import type { DestinationPorts } from './destination-ports.ts';
import type { LeasePool } from './lease-pool.ts';

/** What audits of one process have found, ever. */
export interface Drift {
  /** Leases that no socket belonged to, given up. */
  lost: number;
  /** Ports that somebody else on this host holds. */
  foreign: number;
}

/**
 * Compares the port map of one pool with the sockets that the kernel has. Both change while they are compared: the list of sockets is
 * some milliseconds old, and was not made in one moment. So nothing counts until two audits in a row have found it.
 */
export class SocketAudit {
  readonly drift: Drift = { lost: 0, foreign: 0 };
  private readonly pool: LeasePool;
  /** By address, ports that somebody else held in the last audit, and in this one. */
  private before = new Map<string, Set<number>>();
  private now = new Map<string, Set<number>>();
  /** By address, those that two audits have found. */
  private foreign = new Map<string, Set<number>>();
  private byName = new Map<string, DestinationPorts>();

  constructor(pool: LeasePool) {
    this.pool = pool;
  }

  begin(): void {
    this.now = new Map();
    this.byName = new Map();
    for (const ports of this.pool.known()) this.byName.set(ports.name, ports);
  }

  /** Some of the sockets on ports that this process owns. */
  look({ sources, destinations, source, destination, port }: SocketChunk): void {
    const indices = sources.map((address) => this.pool.indexOfSource(address));
    const ports = destinations.map((name) => this.byName.get(name));
    for (let i = 0; i < port.length; i++) {
      const index = indices[source[i]!]!;
      if (index < 0) continue;
      const here = ports[destination[i]!];
      const number = port[i]!;
      // One that rests was ours a moment ago.
      if (here?.markSeen(index, number) === true || here?.isBusy(index, number) === true) continue;
      const address = sources[source[i]!]!;
      const held = this.now.get(address) ?? new Set();
      this.now.set(address, held.add(number));
    }
  }

  /**
   * Gives up leases without a socket, where all sockets have been told of. Returns the ports that others hold, by address, if they are not
   * what they were.
   */
  end(isWhole: boolean): ReadonlyMap<string, ReadonlySet<number>> | undefined {
    if (isWhole) for (const ports of this.pool.known()) this.drift.lost += ports.releaseMissed();
    const foreign = new Map<string, Set<number>>();
    let isNew = false;
    for (const [address, held] of this.now) {
      const known = this.foreign.get(address);
      const twice = [...held].filter(
        (port) => this.before.get(address)?.has(port) === true || known?.has(port) === true,
      );
      if (twice.length > 0) foreign.set(address, new Set(twice));
      const added = twice.filter((port) => known?.has(port) !== true).length;
      this.drift.foreign += added;
      if (added > 0) isNew = true;
    }
    const sizeOf = (map: ReadonlyMap<string, ReadonlySet<number>>): number =>
      [...map.values()].reduce((sum, { size }) => sum + size, 0);
    const isChanged = isNew || sizeOf(foreign) !== sizeOf(this.foreign);
    this.before = this.now;
    this.foreign = foreign;
    this.byName = new Map();
    return isChanged ? foreign : undefined;
  }
}
