/** What is known of one server. `isKnown` is false until its first probe has come back. */
export interface Verdict {
  readonly isHealthy: boolean;
  readonly isKnown: boolean;
  /** Probes in a row that speak against `isHealthy`. */
  readonly against: number;
}

export const UNKNOWN: Verdict = { isHealthy: false, isKnown: false, against: 0 };

/**
 * The verdict after one more probe: `rise` passes in a row make a server healthy, `fall` failures in a row unhealthy. The first probe
 * decides at once, so that a start does not have to wait for `rise` intervals.
 */
export function nextVerdict(
  verdict: Verdict,
  passed: boolean,
  limits: { readonly rise: number; readonly fall: number },
): Verdict {
  if (!verdict.isKnown) return { isHealthy: passed, isKnown: true, against: 0 };
  if (passed === verdict.isHealthy) return verdict.against === 0 ? verdict : { ...verdict, against: 0 };
  const against = verdict.against + 1;
  if (against < (passed ? limits.rise : limits.fall)) return { ...verdict, against };
  return { isHealthy: passed, isKnown: true, against: 0 };
}
