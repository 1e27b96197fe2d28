/** What a policy chooses among. */
export interface Candidate {
  /** Stable across restarts and the same in every plane. */
  readonly id: string;
  /** Above 0. Less than `fullWeight` while the server starts slowly. */
  readonly weight: number;
  /** As configured. */
  readonly fullWeight: number;
  /** Requests under way from this plane. */
  readonly active: number;
}

export interface PickContext {
  /** What `hash` hashes; other policies pass over it. */
  readonly hashKey: string | undefined;
  /** In [0, 1). */
  readonly random: () => number;
}

/**
 * Chooses one of `candidates`, which are all fit for the request; undefined only if there is none. Called for each request: it allocates
 * nothing once it has seen the candidates.
 */
export type Policy<C extends Candidate = Candidate> = (candidates: readonly C[], context: PickContext) => C | undefined;
