import type { PortBlock, SourceUpdate } from '../control/messages.ts';
import { BLOCK_SHIFT } from '../source/port-block.ts';
import type { Family, SourceRun } from './nat-plan.ts';

interface OwnedRun {
  readonly pool: string;
  readonly block: PortBlock;
  /** The block, without the ports that others hold. */
  runs: readonly SourceRun[];
  /** Given no new connections any more; goes back when the last has been forgotten. The number of the reading that has to begin first. */
  retiredAt: number | undefined;
}

export const familyOf = (address: string): Family => (address.includes(':') ? 6 : 4);

/** The source ports that the primary has given to the kernel's rules. */
export class NatPorts {
  private owned: OwnedRun[] = [];
  private readonly states = new Map<string, SourceUpdate['state']>();
  private readonly avoided = new Map<string, ReadonlySet<number>>();
  private readonly cache = new Map<string, readonly SourceRun[]>();

  grant(blocks: readonly PortBlock[]): void {
    for (const block of blocks) {
      const isKnown = this.owned.some(
        ({ pool, block: { address, firstPort } }) =>
          pool === block.pool && address === block.address && firstPort === block.firstPort,
      );
      if (isKnown) continue;
      this.owned.push({ pool: block.pool, block, runs: this.runsOf(block), retiredAt: undefined });
    }
    this.cache.clear();
  }

  private runsOf({ pool, address, firstPort, lastPort }: PortBlock): SourceRun[] {
    const avoided = this.avoided.get(`${pool} ${address}`);
    const runs: SourceRun[] = [];
    for (let port = firstPort; port <= lastPort; port++) {
      if (avoided?.has(port) === true) continue;
      const first = port;
      while (port < lastPort && avoided?.has(port + 1) !== true) port++;
      runs.push({ address, first, last: port });
    }
    return runs;
  }

  /** Exactly these ports are held by others. */
  avoid(pool: string, address: string, ports: Iterable<number>): void {
    this.avoided.set(`${pool} ${address}`, new Set(ports));
    for (const owned of this.owned) {
      if (owned.pool !== pool || owned.block.address !== address) continue;
      const runs = this.runsOf(owned.block);
      // Runs that stay the same stay the same objects: what is known of them is kept by them.
      owned.runs = runs.map(
        (run) => owned.runs.find(({ first, last }) => first === run.first && last === run.last) ?? run,
      );
    }
    this.cache.clear();
  }

  update(updates: readonly SourceUpdate[], reading: number): void {
    for (const { pool, address, state } of updates) {
      this.states.set(`${pool} ${address}`, state);
      if (state === 'gone') {
        this.owned = this.owned.filter((owned) => owned.pool !== pool || owned.block.address !== address);
      }
      if (state !== 'leaving') continue;
      for (const owned of this.owned) {
        if (owned.pool === pool && owned.block.address === address) owned.retiredAt ??= reading;
      }
    }
    this.cache.clear();
  }

  /** Addresses that it has heard of, with their pools. */
  get addresses(): readonly { readonly pool: string; readonly address: string }[] {
    return [...this.states.keys()].map((key) => {
      const [pool, address] = key.split(' ') as [string, string];
      return { pool, address };
    });
  }

  /** What new connections of a pool may have, the sources in turn. */
  usable(pool: string, family: Family): readonly SourceRun[] {
    const key = `${pool} ${family}`;
    const known = this.cache.get(key);
    if (known !== undefined) return known;
    const bySource = new Map<string, SourceRun[]>();
    for (const { pool: name, block, runs, retiredAt } of this.owned) {
      const { address } = block;
      if (name !== pool || retiredAt !== undefined || familyOf(address) !== family) continue;
      if (this.states.get(`${pool} ${address}`) !== 'ready') continue;
      bySource.set(address, [...(bySource.get(address) ?? []), ...runs]);
    }
    const lists = [...bySource.values()];
    const longest = Math.max(0, ...lists.map(({ length }) => length));
    const usable = Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
    this.cache.set(key, usable);
    return usable;
  }

  /** Everything owned, for the rules. */
  get runs(): readonly SourceRun[] {
    return this.owned.flatMap(({ runs }) => runs);
  }

  ownedPorts(pool: string): number {
    return this.owned
      .filter((owned) => owned.pool === pool)
      .reduce((sum, { block }) => sum + block.lastPort - block.firstPort + 1, 0);
  }

  /** Ports of the source towards any one destination. */
  portsOf(pool: string, address: string): number {
    return this.owned
      .filter((owned) => owned.pool === pool && owned.block.address === address)
      .reduce((sum, { runs }) => sum + runs.reduce((all, { first, last }) => all + last - first + 1, 0), 0);
  }

  /**
   * Takes blocks of the pool out of use that `isIdle`, half of them at most, and none while others have yet to go. `reading`: the next one to
   * begin.
   */
  retireIdle(pool: string, isIdle: (address: string, block: number) => boolean, reading: number): boolean {
    if (this.owned.some((owned) => owned.pool === pool && owned.retiredAt !== undefined)) return false;
    const idle = this.owned.filter(
      ({ pool: name, block, retiredAt }) =>
        name === pool && retiredAt === undefined && isIdle(block.address, block.firstPort >>> BLOCK_SHIFT),
    );
    for (const owned of idle.slice(0, Math.ceil(idle.length / 2))) owned.retiredAt = reading;
    if (idle.length > 0) this.cache.clear();
    return idle.length > 0;
  }

  /** Gives up the retired blocks that were idle all through a reading that began after they had retired. */
  release(isIdle: (address: string, block: number) => boolean, reading: number): PortBlock[] {
    const released = this.owned.filter(
      ({ block, retiredAt }) =>
        retiredAt !== undefined && reading >= retiredAt && isIdle(block.address, block.firstPort >>> BLOCK_SHIFT),
    );
    if (released.length > 0) {
      this.owned = this.owned.filter((owned) => !released.includes(owned));
      this.cache.clear();
    }
    return released.map(({ block }) => block);
  }
}
