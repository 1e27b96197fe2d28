import type { Role } from './subject.ts';

/** What each balancer showed, one value a round. */
export type Rounds<T, R extends string = Role> = ReadonlyMap<R, readonly T[]>;

/**
 * Measures the subjects in turn, `rounds` times over, so that a slow minute of the machine meets them all. Another one begins each round:
 * none always follows the same one.
 */
export async function inRounds<S extends { readonly role: string }, T>(
  subjects: readonly S[],
  rounds: number,
  measure: (subject: S) => Promise<T>,
): Promise<Rounds<T, S['role']>> {
  const results = new Map<S['role'], T[]>(subjects.map(({ role }) => [role, []]));
  for (let round = 0; round < rounds; round++) {
    for (const index of subjects.keys()) {
      const subject = subjects[(index + round) % subjects.length]!;
      results.get(subject.role)!.push(await measure(subject));
    }
  }
  return results;
}
