import { drawTwo } from './draw-two.ts';
import type { Candidate, Policy } from './policy.ts';

/**
 * Two different candidates at random, by weight, and of them the one with fewer requests under way for its weight: nearly as even as
 * asking all, and no herd runs after one stale number (Mitzenmacher, The Power of Two Choices, 2001).
 */
export function randomTwo<C extends Candidate>(): Policy<C> {
  return (candidates, { random }) => {
    if (candidates.length < 2) return candidates[0];
    const [first, second] = drawTwo(candidates, random);
    const a = candidates[first]!;
    const b = candidates[second]!;
    return b.active * a.weight < a.active * b.weight ? b : a;
  };
}
