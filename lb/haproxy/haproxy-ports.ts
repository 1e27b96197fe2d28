import type { PortBlock, SourceUpdate } from '../control/messages.ts';
import type { SourceRun } from './haproxy-plan.ts';

/** By source address, ports on which this host has a connection. */
export type BusyPorts = ReadonlyMap<string, ReadonlySet<number>>;

/** Of one source at most, in one configuration: each is a line for each server. */
const MOST_RUNS = 64;

/** The source ports that HAProxy owns, and what may be done with their addresses. */
export class HaproxyPorts {
  private owned: PortBlock[] = [];
  private readonly states = new Map<string, SourceUpdate['state']>();

  grant(blocks: readonly PortBlock[]): void {
    this.owned.push(...blocks);
  }

  update(updates: readonly SourceUpdate[]): void {
    for (const { pool, address, state } of updates) {
      if (state === 'gone') this.states.delete(`${pool} ${address}`);
      else this.states.set(`${pool} ${address}`, state);
    }
  }

  stateOf(pool: string, address: string): SourceUpdate['state'] {
    return this.states.get(`${pool} ${address}`) ?? 'gone';
  }

  ownedPorts(pool: string): number {
    return this.owned
      .filter((block) => block.pool === pool)
      .reduce((sum, { firstPort, lastPort }) => sum + lastPort - firstPort + 1, 0);
  }

  hasAnyOf(pool: string, address: string): boolean {
    return this.owned.some((block) => block.pool === pool && block.address === address);
  }

  get addresses(): readonly string[] {
    return [...new Set(this.owned.map(({ address }) => address))];
  }

  owns(pool: string, address: string, port: number): boolean {
    return this.owned.some(
      (block) => block.pool === pool && block.address === address && port >= block.firstPort && port <= block.lastPort,
    );
  }

  poolOf(address: string, port: number): string | undefined {
    return this.owned.find((block) => block.address === address && port >= block.firstPort && port <= block.lastPort)
      ?.pool;
  }

  /** Ports in a row that are in none of `covered`, and not busy; `most` ports each at most. Of addresses in that state. */
  runs(
    busy: BusyPorts,
    covered: readonly SourceRun[],
    { most = 65_536, state = 'ready' }: { readonly most?: number; readonly state?: SourceUpdate['state'] } = {},
  ): SourceRun[] {
    const runs: SourceRun[] = [];
    const bySource = new Map<string, PortBlock[]>();
    for (const block of this.owned) {
      if (this.stateOf(block.pool, block.address) !== state) continue;
      const key = `${block.pool} ${block.address}`;
      bySource.set(key, [...(bySource.get(key) ?? []), block]);
    }
    for (const blocks of bySource.values()) {
      const { pool, address } = blocks[0]!;
      const taken = busy.get(address);
      const here = covered.filter((run) => run.pool === pool && run.address === address);
      const found: SourceRun[] = [];
      let open: { pool: string; address: string; first: number; last: number } | undefined;
      for (const { firstPort, lastPort } of blocks.sort((a, b) => a.firstPort - b.firstPort)) {
        for (let port = firstPort; port <= lastPort; port++) {
          const isFree = taken?.has(port) !== true && !here.some(({ first, last }) => port >= first && port <= last);
          if (!isFree) continue;
          if (open?.last === port - 1 && open.last - open.first + 1 < most) open.last = port;
          else {
            open = { pool, address, first: port, last: port };
            found.push(open);
          }
        }
      }
      const size = (run: SourceRun): number => run.last - run.first;
      runs.push(...(found.length <= MOST_RUNS ? found : found.sort((a, b) => size(b) - size(a)).slice(0, MOST_RUNS)));
    }
    return runs;
  }

  /** Gives these up. */
  remove(blocks: readonly PortBlock[]): void {
    for (const { pool, address, firstPort, lastPort } of blocks) {
      this.owned = this.owned.flatMap((block) => {
        if (block.pool !== pool || block.address !== address) return [block];
        if (lastPort < block.firstPort || firstPort > block.lastPort) return [block];
        const before = { ...block, lastPort: firstPort - 1 };
        const after = { ...block, firstPort: lastPort + 1 };
        return [before, after].filter((part) => part.firstPort <= part.lastPort);
      });
    }
  }
}
