import type { Config } from '../config/config.ts';
import type { PortBlock } from '../lb/control/messages.ts';
import { runsInPlanes } from '../lb/engine/plane-engines.ts';
import type { SourceRun } from '../lb/haproxy/haproxy-plan.ts';
import type { HaproxyPorts } from '../lb/haproxy/haproxy-ports.ts';
import { freeOf, type LineState } from '../lb/haproxy/line-steering.ts';
import type { BlockLedger } from '../lb/source/block-ledger.ts';
import { BLOCK_SHIFT, cutIntoBlocks } from '../lb/source/port-block.ts';
import type { PortBroker } from '../lb/source/port-broker.ts';

/** Of a line in pools that others connect from, too: it is given back as a whole. */
const SHARED_PORTS = 1024;
/** With less free towards a destination, others are asked to give back what they can spare. */
const SHORT_FREE = 128;
const LEAST_BLOCKS = 8;
const MOST_BLOCKS = 256;

export interface HaproxyDemandDeps {
  readonly owner: string;
  readonly ledger: BlockLedger;
  readonly broker: PortBroker;
  readonly ports: HaproxyPorts;
  readonly onReturn: (owner: string, blocks: readonly PortBlock[]) => void;
}

const keyOf = ({ pool, address, first, last }: SourceRun): string => `${pool} ${address} ${first} ${last}`;

/** How many source ports HAProxy has: takes them, asks for more in time, and gives back what others want more. */
export class HaproxyDemand {
  /** There are ports that no line has. */
  hasNew = false;
  /** Ports of one line at most. */
  mostPorts = 65_536;
  private readonly deps: HaproxyDemandDeps;
  private readonly wanted = new Set<string>();
  private readonly retiring = new Set<string>();

  constructor(deps: HaproxyDemandDeps) {
    this.deps = deps;
  }

  /** At the start: all of a pool that nobody else connects from but for what planes and checks begin with, half of any other. */
  takeFirst(config: Config, pools: readonly string[]): void {
    this.take(config, pools, 1);
  }

  /** As much of an address that came later. Where it waited until the others run short, they could not leave without a gap. */
  takeNew(config: Config, pool: string): void {
    this.take(config, [pool], 0);
    this.hasNew = true;
  }

  private take({ listeners, backends, planes }: Config, pools: readonly string[], least: number): void {
    const { ledger, owner, ports } = this.deps;
    const shared = new Set(
      listeners
        .filter(({ engine }) => engine === 'kernel' || runsInPlanes(engine))
        .flatMap(({ routes }) =>
          routes.flatMap(({ backend, split }) => [backend, ...(split ?? []).map((part) => part.backend)]),
        )
        .map((name) => backends.find((backend) => backend.name === name)?.source),
    );
    for (const pool of pools) {
      const free = ledger
        .counts()
        .filter((source) => source.pool === pool)
        .reduce((sum, source) => sum + source.free, 0);
      const isShared = shared.has(pool);
      if (isShared) this.mostPorts = SHARED_PORTS;
      const count = isShared ? Math.floor(free / 2) : free - planes - 1;
      ports.grant(ledger.grant(owner, pool, Math.max(least, count)));
    }
  }

  onGrant(blocks: readonly PortBlock[]): void {
    this.deps.ports.grant(blocks);
    if (blocks.length > 0) this.hasNew = true;
  }

  /** Others have no port of the pool left. */
  setWanted(pool: string, isWanted: boolean): void {
    if (isWanted) this.wanted.add(pool);
    else this.wanted.delete(pool);
  }

  isRetiring(run: SourceRun): boolean {
    return this.retiring.has(keyOf(run));
  }

  look(states: readonly LineState[]): void {
    const least = new Map<string, number>();
    const free = new Map<string, number>();
    for (const state of states) {
      if (state.admin !== 'ready') continue;
      const key = `${state.line.run.pool} ${state.line.server.id}`;
      free.set(key, (free.get(key) ?? 0) + freeOf(state));
    }
    for (const [key, ports] of free) {
      const pool = key.slice(0, key.indexOf(' '));
      least.set(pool, Math.min(least.get(pool) ?? Number.POSITIVE_INFINITY, ports));
    }
    for (const [pool, ports] of least) this.weigh(pool, ports, states);
  }

  private weigh(pool: string, free: number, states: readonly LineState[]): void {
    const { broker, owner, ports } = this.deps;
    const owned = ports.ownedPorts(pool);
    if (free < Math.max(SHORT_FREE, owned / 4)) {
      const blocks = Math.min(MOST_BLOCKS, Math.max(LEAST_BLOCKS, owned >>> (BLOCK_SHIFT + 1)));
      // What has just come is not in any line yet.
      if (!this.hasNew) broker.onLow(owner, pool, blocks, free < SHORT_FREE);
    } else if (this.wanted.has(pool) && this.retiring.size === 0) this.retireOne(pool, owned, states);
  }

  /** A run on which no server has a connection; the larger half is kept. */
  private retireOne(pool: string, owned: number, states: readonly LineState[]): void {
    const busy = new Set(states.filter(({ used }) => used > 0).map(({ line }) => keyOf(line.run)));
    const idle = states.find(
      ({ line: { run } }) => run.pool === pool && !busy.has(keyOf(run)) && (run.last - run.first + 1) * 2 <= owned,
    );
    if (idle !== undefined) this.retiring.add(keyOf(idle.line.run));
  }

  /** No line has the run any more, and nothing is open on it. */
  giveBack(run: SourceRun): void {
    this.retiring.delete(keyOf(run));
    const { pool, address } = run;
    const blocks = cutIntoBlocks(run.first, run.last).map(({ first, last }) => ({
      pool,
      address,
      firstPort: first,
      lastPort: last,
    }));
    this.deps.ports.remove(blocks);
    this.deps.onReturn(this.deps.owner, blocks);
  }
}
