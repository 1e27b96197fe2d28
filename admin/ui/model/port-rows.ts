import type { PortMap } from '../api/answers.ts';

export type SourceGroup = PortMap['sources'][number];
export type Pair = PortMap['pairs'][number];

/** A row of the page: a source, one of its destinations below it, or one that has not come yet. */
export type PortRow =
  | { readonly kind: 'source'; readonly source: SourceGroup }
  | { readonly kind: 'pair'; readonly source: SourceGroup; readonly pair: Pair }
  | { readonly kind: 'away'; readonly source: SourceGroup };

/** Pairs are asked for from a multiple of this on, so that a short way of scrolling asks for nothing. */
const STEP = 100;
/** What the API is asked for at a time: the rows of a tall window, and as many again on both sides. */
export const PAIRS_ASKED = 300;

/** Where to ask from, so that the pairs from `first` on are among the answer with some before them. */
export function offsetFor(first: number): number {
  return Math.max(0, Math.floor(first / STEP) * STEP - STEP);
}

/** Each source with its destinations below it: all rows that there are, of which the API has told a part. */
export class PortRows {
  readonly count: number;
  private readonly map: PortMap;
  /** The row of each source. */
  private readonly starts: readonly number[];

  constructor(map: PortMap) {
    this.map = map;
    let count = 0;
    this.starts = map.sources.map(({ shown }) => {
      const start = count;
      count += 1 + shown;
      return start;
    });
    this.count = count;
  }

  at(row: number): PortRow {
    const group = this.groupOf(row);
    const source = this.map.sources[group]!;
    if (row === this.starts[group]) return { kind: 'source', source };
    const pair = this.map.pairs[this.pairIndex(row) - this.map.offset];
    return pair === undefined ? { kind: 'away', source } : { kind: 'pair', source, pair };
  }

  /** Counted over all sources; of a row of a source, that of its first pair. */
  pairIndex(row: number): number {
    const group = this.groupOf(row);
    return Math.max(row, this.starts[group]! + 1) - (group + 1);
  }

  /** The last source that starts at or before the row. */
  private groupOf(row: number): number {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

export const pairKey = (source: string, destination: string): string => `${source} ${destination}`;
