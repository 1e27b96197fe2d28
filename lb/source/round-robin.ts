import type { SourceStrategy } from './strategy.ts';

/** One source after the other, passing over those without a free port: one bit each, 32 at a step. */
export class RoundRobin implements SourceStrategy {
  private readonly hasFree: Int32Array;
  private readonly sources: number;
  private next = 0;

  constructor(sources: number) {
    this.sources = sources;
    this.hasFree = new Int32Array(Math.max(1, Math.ceil(sources / 32)));
  }

  pick(): number {
    const { hasFree } = this;
    const start = this.next >>> 5;
    // The word that `next` is in comes first, without the bits before it, and once more at the end with them.
    let bits = hasFree[start]! & (-1 << (this.next & 31));
    for (let step = 0, word = start; ; ) {
      if (bits !== 0) {
        const source = word * 32 + 31 - Math.clz32(bits & -bits);
        this.next = source + 1 === this.sources ? 0 : source + 1;
        return source;
      }
      if (++step > hasFree.length) return -1;
      word = word + 1 === hasFree.length ? 0 : word + 1;
      bits = hasFree[word]!;
    }
  }

  update(source: number, free: number): void {
    const bit = 1 << (source & 31);
    if (free > 0) this.hasFree[source >>> 5]! |= bit;
    else this.hasFree[source >>> 5]! &= ~bit;
  }
}
