/** How ports towards one destination are taken and given back. */
export interface PortFlow {
  /** Leases per second. */
  readonly leaseRate: number;
  /** How long a port is held, its quarantine included; Infinity when none was seen to come back. */
  readonly holdSeconds: number;
  /** Ports held now. */
  readonly busy: number;
  readonly capacity: number;
}

/**
 * When no port is left, if it goes on like this: 0 when none is now, Infinity for never. Held ports follow dn/dt = λ − n/h, so
 * n(t) = λh + (n₀ − λh)·e^(−t/h), which reaches N after h·ln((λh − n₀)/(λh − N)); a straight line where h is unbounded.
 */
export function exhaustionSeconds({ leaseRate, holdSeconds, busy, capacity }: PortFlow): number {
  if (busy >= capacity) return 0;
  if (leaseRate <= 0) return Number.POSITIVE_INFINITY;
  if (!Number.isFinite(holdSeconds)) return (capacity - busy) / leaseRate;
  const above = leaseRate * holdSeconds - capacity;
  if (above <= 0) return Number.POSITIVE_INFINITY;
  // log1p, since for a long h the quotient of the two is too close to 1 for a plain logarithm.
  return holdSeconds * Math.log1p((capacity - busy) / above);
}

/** Ports held after `seconds`, were there enough of them. */
export function busyAfter({ leaseRate, holdSeconds, busy }: Omit<PortFlow, 'capacity'>, seconds: number): number {
  if (!Number.isFinite(holdSeconds)) return busy + leaseRate * seconds;
  if (holdSeconds <= 0) return 0;
  return busy + (leaseRate * holdSeconds - busy) * -Math.expm1(-seconds / holdSeconds);
}
