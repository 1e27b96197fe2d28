import type { Candidate, Policy } from './policy.ts';

/** The candidate with the fewest requests under way for its weight; equals take turns. */
export function leastConnections<C extends Candidate>(): Policy<C> {
  // The search begins behind the last choice. One step for each pick would favour the equal that follows a busy candidate.
  let start = 0;
  return (candidates) => {
    const { length } = candidates;
    let best: C | undefined;
    let bestAt = 0;
    if (start >= length) start = 0;
    for (let i = 0; i < length; i++) {
      const at = start + i < length ? start + i : start + i - length;
      const candidate = candidates[at]!;
      // a/wa < b/wb without a division.
      if (best === undefined || candidate.active * best.weight < best.active * candidate.weight) {
        best = candidate;
        bestAt = at;
      }
    }
    start = bestAt + 1;
    return best;
  };
}
