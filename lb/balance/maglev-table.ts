import { hashString } from './string-hash.ts';

export interface MaglevEntry {
  readonly id: string;
  /** Above 0. */
  readonly weight: number;
}

/** Primes of the Maglev paper (Eisenbud et al., NSDI 2016, §5.3): the usual size, and the one for many servers. */
const SMALL = 65_537;
const LARGE = 655_373;
/** Rows for each server above which shares differ by less than a hundredth (§3.4). */
const ROWS_EACH = 100;

const SECOND_SEED = 0x5bd1e995;

/**
 * The lookup table of Maglev: row i holds the index in `entries` of the server of all keys with hash i. Servers take turns in claiming rows,
 * each in an order of its own, so that every one gets the same number but for one, and keeps most of its rows when others come and go.
 * Lighter servers pass in some turns. The result depends on ids and weights alone, not on the order of `entries`.
 */
export function maglevTable(entries: readonly MaglevEntry[]): Uint16Array {
  const size = entries.length * ROWS_EACH <= SMALL ? SMALL : LARGE;
  const order = entries.map((_, i) => i).sort((a, b) => (entries[a]!.id < entries[b]!.id ? -1 : 1));
  const rows = order.map((i) => hashString(entries[i]!.id) % size);
  const skips = order.map((i) => (hashString(entries[i]!.id, SECOND_SEED) % (size - 1)) + 1);
  const heaviest = entries.reduce((most, { weight }) => Math.max(most, weight), 0);
  const turns = new Float64Array(entries.length);
  const table = new Uint16Array(size);
  const isTaken = new Uint8Array(size);
  for (let filled = 0, round = 1; filled < size && entries.length > 0; round++) {
    for (let k = 0; k < order.length && filled < size; k++) {
      if (round * entries[order[k]!]!.weight < turns[k]!) continue;
      turns[k]! += heaviest;
      let row = rows[k]!;
      while (isTaken[row] === 1) row = (row + skips[k]!) % size;
      isTaken[row] = 1;
      table[row] = order[k]!;
      rows[k] = (row + skips[k]!) % size;
      filled++;
    }
  }
  return table;
}
