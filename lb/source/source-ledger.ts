import type { PortBlock as GrantedPorts } from '../control/messages.ts';
import { NumberRing } from './number-ring.ts';
import { BLOCK_PORTS, BLOCK_SHIFT, BLOCKS_PER_ADDRESS, cutIntoBlocks, type PortRun } from './port-block.ts';

const NOBODY = 0;
/** A block whose ports belong to several owners. */
const SPLIT = 0xffff;

/** Ports that may be used again at a time. */
interface Resting extends PortRun {
  readonly untilMs: number;
}

/**
 * Who owns the ports of one source. Owners are numbers from 1 to 65534. Ports go out in whole blocks while there are any, and after that
 * in the parts of blocks that others have given back. About 2 KB, and 256 bytes for each block that is split.
 */
export class SourceLedger {
  readonly pool: string;
  readonly address: string;
  /** Ports in all. */
  readonly ports: number;
  /** Ports that can be granted now. */
  freePorts = 0;
  private readonly runs = new Map<number, PortRun>();
  private readonly owners = new Uint16Array(BLOCKS_PER_ADDRESS).fill(NOBODY);
  /** Of a split block, by port. */
  private readonly split = new Map<number, Uint16Array>();
  /** Whole blocks of nobody, the one unused for longest first. */
  private readonly ready = new NumberRing();
  /** Parts of blocks of nobody. */
  private pieces: PortRun[] = [];
  /** Those of nobody that must not be used yet; in the order in which they may be. */
  private resting: Resting[] = [];
  private readonly heldPorts = new Map<number, number>();

  constructor(pool: string, address: string, ranges: readonly PortRun[]) {
    this.pool = pool;
    this.address = address;
    for (const run of ranges.flatMap(({ first, last }) => cutIntoBlocks(first, last))) {
      const block = run.first >>> BLOCK_SHIFT;
      // A block that has a hole counts by its larger part.
      const known = this.runs.get(block);
      if (known !== undefined && sizeOf(known) >= sizeOf(run)) continue;
      this.runs.set(block, run);
    }
    for (const [block, run] of this.runs) {
      this.ready.push(block);
      this.freePorts += sizeOf(run);
    }
    this.ports = this.freePorts;
  }

  /** Whole blocks that can be granted now. */
  get freeBlocks(): number {
    return this.ready.length;
  }

  get restingBlocks(): number {
    return new Set(this.resting.map(({ first }) => first >>> BLOCK_SHIFT)).size;
  }

  /** Blocks in all. */
  get blocks(): number {
    return this.runs.size;
  }

  /** Nobody owns a port, and none rests. */
  get isIdle(): boolean {
    return this.freePorts === this.ports;
  }

  heldBy(owner: number): number {
    return this.heldPorts.get(owner) ?? 0;
  }

  /** 0 for a port of nobody, and for one that is not of this ledger. */
  ownerOf(port: number): number {
    const owner = this.owners[port >>> BLOCK_SHIFT]!;
    return owner === SPLIT ? this.split.get(port >>> BLOCK_SHIFT)![port % BLOCK_PORTS]! : owner;
  }

  /** Whether it is one of the ports that may be used at all. */
  has(port: number): boolean {
    const run = this.runs.get(port >>> BLOCK_SHIFT);
    return run !== undefined && port >= run.first && port <= run.last;
  }

  /** Makes the ports whose rest is over free. */
  settle(nowMs: number): void {
    let over = 0;
    while (over < this.resting.length && this.resting[over]!.untilMs <= nowMs) this.free(this.resting[over++]!);
    if (over > 0) this.resting = this.resting.slice(over);
  }

  /** A block, or part of one when no whole one is left; `most` cuts either short. Only when `freePorts` > 0. */
  grant(owner: number, most: number = BLOCK_PORTS): GrantedPorts {
    // Fewer ports than a block come out of a part, if there is one, so that blocks stay whole.
    if (this.ready.length === 0 || (most < BLOCK_PORTS && this.pieces.length > 0)) {
      const piece = this.pieces.pop()!;
      return this.take(owner, this.cut(piece, most));
    }
    const block = this.ready.shift();
    const run = this.runs.get(block)!;
    return this.take(owner, this.cut(run, most));
  }

  /** The start of a run; what is over is a piece of its own. */
  private cut({ first, last }: PortRun, most: number): PortRun {
    if (last - first < most) return { first, last };
    this.pieces.push({ first: first + most, last });
    return { first, last: first + most - 1 };
  }

  /** That very block, or what others have left of it, for an owner whose connections are on it already. Undefined where that is nothing. */
  adopt(owner: number, block: number): GrantedPorts | undefined {
    const run = this.runs.get(block);
    let isReady = false;
    for (let i = this.ready.length; i > 0; i--) {
      const next = this.ready.shift();
      if (next === block) isReady = true;
      else this.ready.push(next);
    }
    if (isReady && run !== undefined) return this.take(owner, run);
    const at = this.pieces.findIndex(({ first }) => first >>> BLOCK_SHIFT === block);
    return at < 0 ? undefined : this.take(owner, this.pieces.splice(at, 1)[0]!);
  }

  /** Exactly these ports, as far as nobody has them, for an owner whose connections are on them already. */
  claim(owner: number, runs: readonly PortRun[]): GrantedPorts[] {
    const wanted = new Set(runs.map(({ first }) => first >>> BLOCK_SHIFT));
    for (let i = this.ready.length; i > 0; i--) {
      const block = this.ready.shift();
      if (wanted.has(block)) this.pieces.push(this.runs.get(block)!);
      else this.ready.push(block);
    }
    const claimed = runs.flatMap(({ first, last }) => {
      const at = this.pieces.findIndex((piece) => piece.first <= first && piece.last >= last && first <= last);
      if (at < 0) return [];
      const [piece] = this.pieces.splice(at, 1) as [PortRun];
      if (piece.first < first) this.pieces.push({ first: piece.first, last: first - 1 });
      if (piece.last > last) this.pieces.push({ first: last + 1, last: piece.last });
      return [this.take(owner, { first, last })];
    });
    // Those that turned out not to be wanted.
    const whole = this.pieces.filter((piece) => sizeOf(piece) === sizeOf(this.runs.get(piece.first >>> BLOCK_SHIFT)!));
    this.pieces = this.pieces.filter((piece) => !whole.includes(piece));
    for (const { first } of whole) this.ready.push(first >>> BLOCK_SHIFT);
    return claimed;
  }

  private take(owner: number, run: PortRun): GrantedPorts {
    this.own(run, owner);
    this.freePorts -= sizeOf(run);
    this.heldPorts.set(owner, this.heldBy(owner) + sizeOf(run));
    return { pool: this.pool, address: this.address, firstPort: run.first, lastPort: run.last };
  }

  private own(run: PortRun, owner: number): void {
    const block = run.first >>> BLOCK_SHIFT;
    const whole = this.runs.get(block)!;
    if (sizeOf(whole) === sizeOf(run)) {
      this.owners[block] = owner;
      this.split.delete(block);
      return;
    }
    const before = this.owners[block]!;
    const byPort =
      this.split.get(block) ??
      new Uint16Array(BLOCK_PORTS).fill(before, whole.first % BLOCK_PORTS, (whole.last % BLOCK_PORTS) + 1);
    this.split.set(block, byPort);
    this.owners[block] = SPLIT;
    byPort.fill(owner, run.first % BLOCK_PORTS, (run.last % BLOCK_PORTS) + 1);
  }

  /** False, and nothing else, if not all of these ports are of this owner, or they are not of one block. */
  giveBack(owner: number, { firstPort: first, lastPort: last }: GrantedPorts): boolean {
    const run = { first, last };
    if (!this.isOwnedBy(owner, run)) return false;
    this.heldPorts.set(owner, this.heldBy(owner) - sizeOf(run));
    this.own(run, NOBODY);
    this.free(run);
    return true;
  }

  private isOwnedBy(owner: number, { first, last }: PortRun): boolean {
    const whole = this.runs.get(first >>> BLOCK_SHIFT);
    if (whole === undefined || !(first >= whole.first && last <= whole.last && first <= last)) return false;
    const byPort = this.split.get(first >>> BLOCK_SHIFT);
    if (byPort === undefined) return this.owners[first >>> BLOCK_SHIFT] === owner;
    return byPort.subarray(first % BLOCK_PORTS, (last % BLOCK_PORTS) + 1).every((holder) => holder === owner);
  }

  /** What nobody owns can be granted; when it is the last part of its block, the block is whole again. */
  private free(run: PortRun): void {
    this.freePorts += sizeOf(run);
    const block = run.first >>> BLOCK_SHIFT;
    const whole = this.runs.get(block)!;
    const parts = this.pieces.filter(({ first }) => first >>> BLOCK_SHIFT === block);
    const inParts = parts.reduce((sum, part) => sum + sizeOf(part), 0);
    if (inParts + sizeOf(run) < sizeOf(whole)) {
      this.pieces.push({ first: run.first, last: run.last });
      return;
    }
    if (parts.length > 0) this.pieces = this.pieces.filter(({ first }) => first >>> BLOCK_SHIFT !== block);
    this.split.delete(block);
    this.owners[block] = NOBODY;
    this.ready.push(block);
  }

  /** All ports of the owner rest, then are free. `untilMs` never falls from call to call. */
  rest(owner: number, untilMs: number): void {
    for (const { firstPort: first, lastPort: last } of this.ownedBy(owner)) {
      this.own({ first, last }, NOBODY);
      this.resting.push({ first, last, untilMs });
    }
    this.heldPorts.delete(owner);
  }

  ownedBy(owner: number): GrantedPorts[] {
    if (this.heldBy(owner) === 0) return [];
    const runs: PortRun[] = [];
    for (const [block, whole] of this.runs) {
      const byPort = this.split.get(block);
      if (byPort === undefined) {
        if (this.owners[block] === owner) runs.push(whole);
        continue;
      }
      for (let port = whole.first; port <= whole.last; port++) {
        if (byPort[port % BLOCK_PORTS] !== owner) continue;
        const first = port;
        while (port < whole.last && byPort[(port + 1) % BLOCK_PORTS] === owner) port++;
        runs.push({ first, last: port });
      }
    }
    return runs.map(({ first, last }) => ({
      pool: this.pool,
      address: this.address,
      firstPort: first,
      lastPort: last,
    }));
  }

  /** Blocks by owner; one that is split counts for each of its owners. */
  held(): Map<number, number> {
    const counts = new Map<number, number>();
    for (const [block] of this.runs) {
      const owners = new Set(this.split.get(block) ?? [this.owners[block]!]);
      for (const owner of owners) if (owner !== NOBODY) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    return counts;
  }
}

function sizeOf({ first, last }: PortRun): number {
  return last - first + 1;
}
