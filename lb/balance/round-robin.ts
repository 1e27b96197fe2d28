import type { Candidate, Policy } from './policy.ts';

/**
 * Smooth weighted round-robin, as nginx does it: each candidate gains its weight, the richest is chosen and pays the sum. With weights
 * 5, 1, 1 it gives a a b a c a a rather than a a a a a b c.
 */
export function roundRobin<C extends Candidate>(): Policy<C> {
  const credits = new Map<string, number>();
  return (candidates) => {
    let total = 0;
    let best: C | undefined;
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < candidates.length; i++) {
      const candidate = candidates[i]!;
      const credit = (credits.get(candidate.id) ?? 0) + candidate.weight;
      credits.set(candidate.id, credit);
      total += candidate.weight;
      if (credit > most) {
        most = credit;
        best = candidate;
      }
    }
    if (best === undefined) return undefined;
    credits.set(best.id, most - total);
    return best;
  };
}
