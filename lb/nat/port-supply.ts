import type { Clock } from '../clock.ts';
import type { NatEvent } from '../control/nat-messages.ts';
import { BLOCK_SHIFT } from '../source/port-block.ts';
import type { NatPorts } from './nat-ports.ts';
import type { NatTargets } from './nat-targets.ts';

const LEAST_BLOCKS = 8;
const MOST_BLOCKS = 256;
/** How long an answer to a wish for ports is waited for. */
const ASK_MS = 250;
/** More ports are asked for with less than this free towards one destination, or with less than a quarter. */
const FEW_FREE = 256;
/** With less than this free, or than comes in a second, others are asked to give back what they can spare. */
const SHORT_FREE = 128;

export interface PortSupplyDeps {
  readonly clock: Clock;
  readonly send: (event: NatEvent) => void;
  readonly ports: NatPorts;
  readonly targets: NatTargets;
}

/** Asks the primary for ports in time, and gives back what others want more. */
export class PortSupply {
  private readonly deps: PortSupplyDeps;
  private readonly wanted = new Set<string>();
  private readonly askedAtMs = new Map<string, number>();

  constructor(deps: PortSupplyDeps) {
    this.deps = deps;
  }

  onGrant(): void {
    this.askedAtMs.clear();
  }

  /** Other processes have no port of the pool left. */
  setWanted(pool: string, isWanted: boolean): void {
    if (isWanted) this.wanted.add(pool);
    else this.wanted.delete(pool);
  }

  /** `free`: towards the destination with fewest; `rate`: connections a second; `reading`: the next one to begin. */
  look(pool: string, free: number, rate: number, reading: number): void {
    const { ports, targets } = this.deps;
    const isShort = free < Math.max(SHORT_FREE, rate);
    const owned = ports.ownedPorts(pool);
    if (isShort || free < Math.max(FEW_FREE, owned / 4)) {
      this.ask(pool, Math.min(MOST_BLOCKS, Math.max(LEAST_BLOCKS, owned >>> (BLOCK_SHIFT + 1))), isShort);
    } else if (this.wanted.has(pool)) {
      ports.retireIdle(pool, (address, block) => targets.isIdle(address, block), reading);
    }
  }

  ask(pool: string, blocks: number, isStarved: boolean): void {
    const { clock, send } = this.deps;
    const nowMs = clock.now();
    if (nowMs - (this.askedAtMs.get(pool) ?? Number.NEGATIVE_INFINITY) < ASK_MS) return;
    this.askedAtMs.set(pool, nowMs);
    send({ type: 'low', pool, blocks, isStarved });
  }
}
