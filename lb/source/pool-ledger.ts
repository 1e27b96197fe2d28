import type { PortBlock as GrantedPorts } from '../control/messages.ts';
import { BLOCK_PORTS, BLOCK_SHIFT, type PortRun } from './port-block.ts';
import { SourceLedger } from './source-ledger.ts';

/** Who owns the ports of one pool; spreads what it grants over the sources. Owners are numbers from 1 on. */
export class PoolLedger {
  readonly name: string;
  readonly sources: SourceLedger[] = [];
  /** Sources that give nothing: their addresses are away, or on their way out. */
  private readonly blocked = new Set<string>();
  /** Where the next grant that is not enough for every source begins. */
  private next = 0;

  constructor(name: string) {
    this.name = name;
  }

  add(address: string, ranges: readonly PortRun[]): void {
    if (this.find(address) === undefined) this.sources.push(new SourceLedger(this.name, address, ranges));
  }

  /** Forgets a source, whoever owns ports of it. */
  remove(address: string): void {
    const at = this.sources.findIndex((source) => source.address === address);
    if (at >= 0) this.sources.splice(at, 1);
    this.blocked.delete(address);
  }

  find(address: string): SourceLedger | undefined {
    return this.sources.find((source) => source.address === address);
  }

  setBlocked(address: string, isBlocked: boolean): void {
    if (isBlocked) this.blocked.add(address);
    else this.blocked.delete(address);
  }

  private get open(): SourceLedger[] {
    return this.blocked.size === 0 ? this.sources : this.sources.filter(({ address }) => !this.blocked.has(address));
  }

  settle(nowMs: number): void {
    for (const source of this.sources) source.settle(nowMs);
  }

  /** Whole blocks that can be granted. */
  get freeBlocks(): number {
    return this.open.reduce((sum, source) => sum + source.freeBlocks, 0);
  }

  /** Ports that can be granted. */
  get freePorts(): number {
    return this.open.reduce((sum, source) => sum + source.freePorts, 0);
  }

  get blocks(): number {
    return this.sources.reduce((sum, source) => sum + source.blocks, 0);
  }

  isOwner(owner: number): boolean {
    return this.sources.some((source) => source.heldBy(owner) > 0);
  }

  /**
   * Up to `count` blocks; the sources of which the owner has least come first, so that it can use all of them for as long. When no whole
   * block is left, the parts that there are stand for blocks. `most` cuts each short.
   */
  grant(owner: number, count: number, most: number = BLOCK_PORTS): GrantedPorts[] {
    const granted: GrantedPorts[] = [];
    const sources = this.open;
    const { length } = sources;
    const levelOf = (source: SourceLedger): number => source.heldBy(owner) >>> BLOCK_SHIFT;
    while (granted.length < count) {
      const level = sources.reduce(
        (least, source) => (source.freePorts > 0 ? Math.min(least, levelOf(source)) : least),
        Number.POSITIVE_INFINITY,
      );
      if (level === Number.POSITIVE_INFINITY) break;
      const start = this.next;
      for (let step = 0; step < length && granted.length < count; step++) {
        const i = (start + step) % length;
        const source = sources[i]!;
        if (source.freePorts === 0 || levelOf(source) !== level) continue;
        granted.push(source.grant(owner, most));
        this.next = (i + 1) % length;
      }
    }
    return granted;
  }

  /** All ports of the owner rest, then are free. */
  rest(owner: number, untilMs: number): void {
    for (const source of this.sources) source.rest(owner, untilMs);
  }

  ownedBy(owner: number): GrantedPorts[] {
    return this.sources.flatMap((source) => source.ownedBy(owner));
  }
}
