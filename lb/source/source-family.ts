/** Enough for the time that the primary takes to answer at any rate of connections that one process reaches. */
const MOST_LOW_PORTS = 1024;
const FEW_PORTS = 64;

/** The sources of a pool that can reach the same destinations: those of IPv4 or those of IPv6. */
export class SourceFamily {
  /** Their indices in the pool. */
  readonly sources: readonly number[];
  /** Ports that this process owns of them. */
  owned = 0;

  constructor(sources: readonly number[]) {
    this.sources = sources;
  }

  /** With fewer free ports than this towards one destination, more are asked for: a quarter, but of few ports half, and no more than needed. */
  get lowMark(): number {
    return Math.max(Math.min(this.owned >>> 2, MOST_LOW_PORTS), Math.min(this.owned >>> 1, FEW_PORTS));
  }
}
