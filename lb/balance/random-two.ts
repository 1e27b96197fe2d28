import type { Candidate, Policy } from './policy.ts';

/**
 * Two different candidates at random, by weight, and of them the one with fewer requests under way for its weight: nearly as even as
 * asking all, and no herd runs after one stale number (Mitzenmacher, The Power of Two Choices, 2001).
 */
export function randomTwo<C extends Candidate>(): Policy<C> {
  return (candidates, { random }) => {
    if (candidates.length < 2) return candidates[0];
    let total = 0;
    for (let i = 0; i < candidates.length; i++) total += candidates[i]!.weight;
    const first = draw(candidates, random() * total, -1);
    const second = draw(candidates, random() * (total - candidates[first]!.weight), first);
    const a = candidates[first]!;
    const b = candidates[second]!;
    return b.active * a.weight < a.active * b.weight ? b : a;
  };
}

/** Index of the candidate at `at` on the line of weights, from which `without` is left out. */
function draw(candidates: readonly Candidate[], at: number, without: number): number {
  let rest = at;
  let last = -1;
  for (let i = 0; i < candidates.length; i++) {
    if (i === without) continue;
    last = i;
    rest -= candidates[i]!.weight;
    if (rest < 0) return i;
  }
  return last;
}
