/** Enough for the time that the primary takes to answer at any rate of connections that one process reaches. */
const MOST_LOW_PORTS = 1024;
const FEW_PORTS = 64;

/** The sources of a pool that can reach the same destinations: those of IPv4 or those of IPv6. */
export class SourceFamily {
  /** Their indices in the pool. */
  readonly sources: number[] = [];
  /** Ports of them that this process may lease; those of blocked sources are not among them. */
  usablePorts = 0;

  /** With fewer free ports than this towards one destination, more are asked for: a quarter, but of few ports half, and no more than needed. */
  get lowMark(): number {
    const { usablePorts } = this;
    return Math.max(Math.min(usablePorts >>> 2, MOST_LOW_PORTS), Math.min(usablePorts >>> 1, FEW_PORTS));
  }
}
