import type { Candidate, Policy } from './policy.ts';

/** Credits of absent candidates kept at most. Workers take a new port, hence a new id, at each start: the old ids would pile up. */
const MAX_ABSENT = 1024;

/**
 * Smooth weighted round-robin, as nginx does it: each candidate gains its weight, the richest is chosen and pays the sum. With weights
 * 5, 1, 1 it gives a a b a c a a rather than a a a a a b c.
 *
 * A candidate that is missing for a while finds its credit again. No credit counts for more than one round: what was gained under larger
 * weights would otherwise give one candidate hundreds of turns in a row.
 */
export function roundRobin<C extends Candidate>(): Policy<C> {
  // Those of the last pick, by position: while the list stays the same, which is nearly always, nothing is looked up by id.
  const ids: string[] = [];
  const credits: number[] = [];
  const absent = new Map<string, number>();

  const align = (candidates: readonly C[]): void => {
    for (let i = 0; i < ids.length; i++) absent.set(ids[i]!, credits[i]!);
    ids.length = 0;
    credits.length = 0;
    for (let i = 0; i < candidates.length; i++) {
      const { id } = candidates[i]!;
      ids.push(id);
      credits.push(absent.get(id) ?? 0);
      absent.delete(id);
    }
    if (absent.size > MAX_ABSENT) absent.clear();
  };

  return (candidates) => {
    const { length } = candidates;
    let total = 0;
    let isAligned = ids.length === length;
    for (let i = 0; i < length; i++) {
      const candidate = candidates[i]!;
      total += candidate.weight;
      if (isAligned && candidate.id !== ids[i]) isAligned = false;
    }
    if (length === 0) return undefined;
    if (!isAligned) align(candidates);
    let best = 0;
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < length; i++) {
      const credit = Math.max(-total, Math.min(total, credits[i]!)) + candidates[i]!.weight;
      credits[i] = credit;
      if (credit > most) {
        most = credit;
        best = i;
      }
    }
    credits[best] = most - total;
    return candidates[best];
  };
}
