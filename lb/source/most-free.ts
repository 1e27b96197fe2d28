import type { SourceStrategy } from './strategy.ts';

/**
 * The source with most free ports, the first of equal ones: all run out together, as late as can be. A tree of maxima keeps the choice
 * exact at a cost that grows with the logarithm of the number of sources.
 */
export class MostFree implements SourceStrategy {
  /** Node i stands above 2i and 2i + 1; the leaves, one for each source, begin at `leaves`. */
  private readonly most: Int32Array;
  private readonly leaves: number;

  constructor(sources: number) {
    this.leaves = 2 ** Math.ceil(Math.log2(Math.max(sources, 1)));
    this.most = new Int32Array(this.leaves * 2);
  }

  pick(): number {
    const { most, leaves } = this;
    const free = most[1]!;
    if (free === 0) return -1;
    let node = 1;
    while (node < leaves) {
      node *= 2;
      if (most[node] !== free) node++;
    }
    return node - leaves;
  }

  update(source: number, free: number): void {
    const { most } = this;
    let node = this.leaves + source;
    most[node] = free;
    while (node > 1) {
      const larger = Math.max(most[node]!, most[node ^ 1]!);
      node >>= 1;
      if (most[node] === larger) return;
      most[node] = larger;
    }
  }
}
