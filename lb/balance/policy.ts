import type { LatencyEstimate } from './latency-estimate.ts';

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
  /** How long it takes to answer; only where the policy asks for it. */
  readonly latency?: LatencyEstimate | undefined;
}

export interface PickContext {
  /** What `hash` and `maglev` hash; other policies pass over it. */
  readonly hashKey: string | undefined;
  /** Those that were there before some were left out for this request; the same array as long as nothing changes. */
  readonly available: readonly Candidate[];
  readonly nowMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/**
 * Chooses one of `candidates`, which are all fit for the request; undefined only if there is none. Called for each request: it allocates
 * nothing once it has seen the candidates.
 */
export type Policy<C extends Candidate = Candidate> = (candidates: readonly C[], context: PickContext) => C | undefined;
