import type { Candidate, Policy } from './policy.ts';

/**
 * Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2016): no candidate has more requests under way than
 * `factorPercent` of its fair share of them all, rounded up; a key whose candidate has goes on to the next one in the order of `policy`.
 */
export function boundedLoad<C extends Candidate>(policy: Policy<C>, factorPercent: number): Policy<C> {
  return (candidates, context) => {
    const first = policy(candidates, context);
    if (first === undefined || context.hashKey === undefined) return first;
    let active = 1;
    let weight = 0;
    for (let i = 0; i < candidates.length; i++) {
      active += candidates[i]!.active;
      weight += candidates[i]!.weight;
    }
    const each = (active * factorPercent) / (100 * weight);
    if (first.active < Math.ceil(each * first.weight)) return first;
    let rest = candidates;
    for (let next: C | undefined = first; next !== undefined; next = policy(rest, context)) {
      if (next.active < Math.ceil(each * next.weight)) return next;
      const full = next;
      rest = rest.filter((candidate) => candidate !== full);
    }
    return first;
  };
}
