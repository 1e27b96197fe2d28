import type { Candidate, Policy } from './policy.ts';

/** The candidate with the fewest requests under way for its weight; equals take turns. */
export function leastConnections<C extends Candidate>(): Policy<C> {
  let turn = 0;
  return (candidates) => {
    const { length } = candidates;
    let best: C | undefined;
    if (++turn >= length) turn = 0;
    for (let i = 0; i < length; i++) {
      const at = turn + i;
      const candidate = candidates[at < length ? at : at - length]!;
      // a/wa < b/wb without a division.
      if (best === undefined || candidate.active * best.weight < best.active * candidate.weight) best = candidate;
    }
    return best;
  };
}
