import { maglevTable } from './maglev-table.ts';
import type { Candidate, Policy } from './policy.ts';
import { randomTwo } from './random-two.ts';
import { hashString } from './string-hash.ts';

/** Rows looked at for a candidate that is left when the one of the key is not. */
const MAX_STEPS = 1024;

/**
 * Maglev hashing: one look into a table, however many servers there are. The table is built anew when the available servers change, in
 * some milliseconds, and moves a few keys of servers that did not change; `hash` moves none, and works the longer the more servers there are.
 *
 * Slow starts do not apply: keys would move at each step. A request without a key is placed by random-two.
 */
export function maglev<C extends Candidate>(): Policy<C> {
  const fallback = randomTwo<C>();
  let built: readonly Candidate[] = [];
  let table: Uint16Array = new Uint16Array(0);
  return (candidates, context) => {
    const { hashKey, available } = context;
    if (hashKey === undefined || candidates.length === 0) return fallback(candidates, context);
    if (built !== available) {
      table = maglevTable(available.map(({ id, fullWeight }) => ({ id, weight: fullWeight })));
      built = available;
    }
    const row = hashString(hashKey) % table.length;
    if (candidates === available) return candidates[table[row]!];
    // Some are left out for this request. Where the key would go if they were gone is not worth a table: the next row will do.
    for (let step = 0; step < MAX_STEPS; step++) {
      const candidate = available[table[(row + step) % table.length]!] as C;
      if (candidates.includes(candidate)) return candidate;
    }
    return fallback(candidates, context);
  };
}
