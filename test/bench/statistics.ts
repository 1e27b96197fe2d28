export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Of at least one value. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}

/** The ratio of each round, so that what slows the machine in one round slows both sides of it. */
export function ratios(values: readonly number[], reference: readonly number[]): number[] {
  return values.map((value, round) => value / reference[round]!);
}

/** The smallest value that at least `share` of all do not exceed; 0 of none. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/** `median (min–max)`. */
export function spread(values: readonly number[], digits: number): string {
  const { median, min, max } = summarize(values);
  const show = (value: number): string =>
    value.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits });
  return `${show(median)} (${show(min)}–${show(max)})`;
}
