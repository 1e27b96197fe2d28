import type { Clock, Timer } from '../clock.ts';
import type { PlaneCommand, PortBlock } from '../control/messages.ts';
import type { BlockLedger } from './block-ledger.ts';

/** Blocks of owners that died become free without a word from anyone: looked for this often while an owner is starved. */
const RETRY_MS = 100;

export interface PortBrokerDeps {
  readonly clock: Clock;
  readonly ledger: BlockLedger;
  /** To the owner of that name. */
  readonly send: (owner: string, command: PlaneCommand) => void;
  /** To every owner. */
  readonly broadcast: (command: PlaneCommand) => void;
  /** Before an owner is given ports of the pool: whoever needs few, but before all others, takes them. */
  readonly onBeforeGrant?: (pool: string) => void;
}

/**
 * Moves ports between the processes that connect. While an owner has none left and the ledger has none either, all others are asked to
 * give back what they can spare, so that a range is used to its last port whoever needs it.
 */
export class PortBroker {
  private readonly deps: PortBrokerDeps;
  /** By pool, those that have run out, the first one first. */
  private readonly starved = new Map<string, Set<string>>();
  private retrying: Timer | undefined = undefined;

  constructor(deps: PortBrokerDeps) {
    this.deps = deps;
  }

  /** An owner runs low, or has run out. */
  onLow(owner: string, pool: string, blocks: number, isStarved: boolean): void {
    this.deps.onBeforeGrant?.(pool);
    const granted = this.deps.ledger.grant(owner, pool, blocks);
    this.deps.send(owner, { type: 'grant', blocks: granted });
    if (granted.length > 0) this.satisfy(pool, owner);
    else if (isStarved) this.starve(pool, owner);
  }

  /** As `BlockLedger.adopt`: what an earlier run of the owner had, which may be all that there is. */
  adopt(owner: string, blocks: readonly PortBlock[]): readonly PortBlock[] {
    for (const pool of new Set(blocks.map(({ pool: name }) => name))) this.deps.onBeforeGrant?.(pool);
    return this.deps.ledger.adopt(owner, blocks);
  }

  onReturn(owner: string, blocks: readonly PortBlock[]): void {
    this.deps.ledger.giveBack(owner, blocks);
    for (const pool of new Set(blocks.map(({ pool: name }) => name))) this.serve(pool);
  }

  onDeath(owner: string): void {
    this.deps.ledger.ownerDied(owner);
    for (const pool of [...this.starved.keys()]) this.satisfy(pool, owner);
  }

  /** For an owner that has just started: the pools that others are short of. */
  tellWanted(owner: string): void {
    for (const pool of this.starved.keys()) this.deps.send(owner, { type: 'wanted', pool, isWanted: true });
  }

  private starve(pool: string, owner: string): void {
    const starved = this.starved.get(pool);
    if (starved !== undefined) {
      starved.add(owner);
      return;
    }
    this.starved.set(pool, new Set([owner]));
    this.deps.broadcast({ type: 'wanted', pool, isWanted: true });
    this.retrying ??= this.deps.clock.every(RETRY_MS, () => {
      for (const name of [...this.starved.keys()]) this.serve(name);
    });
  }

  private satisfy(pool: string, owner: string): void {
    const starved = this.starved.get(pool);
    starved?.delete(owner);
    if (starved?.size !== 0) return;
    this.starved.delete(pool);
    this.deps.broadcast({ type: 'wanted', pool, isWanted: false });
    if (this.starved.size > 0) return;
    this.deps.clock.clear(this.retrying);
    this.retrying = undefined;
  }

  /** Each that is starved gets a fair part of what is free. */
  private serve(pool: string): void {
    const { ledger, send } = this.deps;
    const starved = [...(this.starved.get(pool) ?? [])];
    for (const [i, owner] of starved.entries()) {
      const share = Math.ceil(ledger.freePorts(pool) / (starved.length - i));
      const blocks: PortBlock[] = [];
      for (let given = 0; given < share; ) {
        const [run] = ledger.grantPorts(owner, pool, share - given);
        if (run === undefined) break;
        blocks.push(run);
        given += run.lastPort - run.firstPort + 1;
      }
      if (blocks.length === 0) return;
      send(owner, { type: 'grant', blocks });
      this.satisfy(pool, owner);
    }
  }

  stop(): void {
    this.deps.clock.clear(this.retrying);
    this.retrying = undefined;
  }
}
