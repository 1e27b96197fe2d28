import type { PortBlock } from './port-block.ts';

/** The ports of one source address that this process owns, for every destination alike. */
export class SourcePorts {
  readonly address: string;
  readonly blocks: PortBlock[] = [];
  /** Ports in `blocks`. */
  owned = 0;

  constructor(address: string) {
    this.address = address;
  }

  add(block: PortBlock): void {
    this.blocks.push(block);
    this.owned += block.last - block.first + 1;
  }
}
