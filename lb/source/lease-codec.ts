const PORT_BITS = 16;
/** Of a record in the port map, which also holds a source and a port (lb/source/port-map.ts). */
const LINK_BITS = 30;
/** So that a lease is a small integer, which V8 keeps without allocating, and never negative. */
const LEASE_BITS = 31;

/**
 * A lease number: the port, the index of its source, and in the bits left over a generation that changes with each lease, so that a lease
 * given back twice is told from the next one of the same port.
 */
export class LeaseCodec {
  private readonly generationShift: number;
  private readonly portMask: number;
  private readonly lastGeneration: number;
  private generation = 0;

  /** Throws RangeError above 16384 sources. */
  constructor(sources: number) {
    this.generationShift = PORT_BITS + (sources > 1 ? 32 - Math.clz32(sources - 1) : 0);
    if (this.generationShift > LINK_BITS) throw new RangeError(`${sources} sources are too many for one pool`);
    this.portMask = 2 ** this.generationShift - 1;
    this.lastGeneration = 2 ** (LEASE_BITS - this.generationShift) - 1;
  }

  nextGeneration(): number {
    this.generation = (this.generation + 1) & this.lastGeneration;
    return this.generation;
  }

  /** `port`: with its source. */
  encode(port: number, generation: number): number {
    return (generation << this.generationShift) | port;
  }

  portOf(lease: number): number {
    return lease & this.portMask;
  }

  generationOf(lease: number): number {
    return lease >>> this.generationShift;
  }
}
