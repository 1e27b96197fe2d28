import type { Candidate, Policy } from './policy.ts';
import { randomTwo } from './random-two.ts';
import { hashString } from './string-hash.ts';

/** Hashes of ids kept at most: workers take a new port, hence a new id, at each start. */
const MAX_SEEDS = 4096;

/**
 * Rendezvous hashing with weights (Thaler and Ravishankar 1996; the logarithm is from Schindelhauer and Schomaker 2005): each candidate
 * draws a score from the key, the highest wins. A candidate that leaves moves only its own keys, and those evenly; no table is kept, so
 * nothing has to be rebuilt when the candidates of one request are fewer than those of the next. The work grows with the number of
 * servers: some 35 ns each, which a ring or a Maglev table would save from some fifty servers on.
 *
 * A request without a key is placed by random-two.
 */
export function hash<C extends Candidate>(): Policy<C> {
  const fallback = randomTwo<C>();
  const seeds = new Map<string, number>();
  return (candidates, context) => {
    const { hashKey } = context;
    if (hashKey === undefined) return fallback(candidates, context);
    const key = hashString(hashKey);
    let best: C | undefined;
    let highest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < candidates.length; i++) {
      const candidate = candidates[i]!;
      let seed = seeds.get(candidate.id);
      if (seed === undefined) {
        if (seeds.size >= MAX_SEEDS) seeds.clear();
        seed = hashString(candidate.id);
        seeds.set(candidate.id, seed);
      }
      const score = -candidate.weight / Math.log((mix(key, seed) + 0.5) / 4294967296);
      if (score > highest) {
        highest = score;
        best = candidate;
      }
    }
    return best;
  };
}

function mix(key: number, seed: number): number {
  let value = Math.imul(key ^ seed, 0x9e3779b1) ^ Math.imul(seed, 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  value = Math.imul(value ^ (value >>> 12), 0x297a2d39);
  return (value ^ (value >>> 15)) >>> 0;
}
