import type { Candidate } from './policy.ts';

/** One pair for all: it is read before the next is drawn. */
const pair: [number, number] = [0, 0];

/** Positions of two different candidates at random, each with the chance of its weight. There have to be two. */
export function drawTwo(candidates: readonly Candidate[], random: () => number): readonly [number, number] {
  let total = 0;
  for (let i = 0; i < candidates.length; i++) total += candidates[i]!.weight;
  pair[0] = draw(candidates, random() * total, -1);
  pair[1] = draw(candidates, random() * (total - candidates[pair[0]]!.weight), pair[0]);
  return pair;
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
