import type { Candidate, Policy } from './policy.ts';

/**
 * The candidate with the fewest requests under way for its weight. Equals take turns; where their weights differ, as with idle servers, they
 * are drawn by weight, or a light one would get as much as a heavy one whenever there is little to do.
 */
export function leastConnections<C extends Candidate>(): Policy<C> {
  // The search begins behind the last choice. One step for each pick would favour the equal that follows a busy candidate.
  let start = 0;
  return (candidates, { random }) => {
    const { length } = candidates;
    let best: C | undefined;
    let bestAt = 0;
    let areEqualsAlike = true;
    if (start >= length) start = 0;
    for (let i = 0; i < length; i++) {
      const at = start + i < length ? start + i : start + i - length;
      const candidate = candidates[at]!;
      // a/wa < b/wb without a division.
      const difference = best === undefined ? -1 : candidate.active * best.weight - best.active * candidate.weight;
      if (difference < 0) {
        best = candidate;
        bestAt = at;
        areEqualsAlike = true;
      } else if (difference === 0 && candidate.weight !== best!.weight) {
        areEqualsAlike = false;
      }
    }
    if (!areEqualsAlike) return drawEqual(candidates, best!, random);
    start = bestAt + 1;
    return best;
  };
}

/** One of those as busy as `best` for their weight, each with the chance of its weight. */
function drawEqual<C extends Candidate>(candidates: readonly C[], best: C, random: () => number): C {
  let chosen = best;
  let total = 0;
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i]!;
    if (candidate.active * best.weight !== best.active * candidate.weight) continue;
    total += candidate.weight;
    if (random() * total < candidate.weight) chosen = candidate;
  }
  return chosen;
}
