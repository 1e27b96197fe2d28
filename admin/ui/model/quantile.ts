import type { DurationCounts } from '../api/types.ts';

/**
 * The value below which `share` of the counted ones lie, taken as evenly spread within its bucket, as Prometheus' histogram_quantile does.
 * Undefined when nothing was counted. What is beyond the last bound is given as that bound.
 */
export function quantile(
  { bounds, counts }: Pick<DurationCounts, 'bounds' | 'counts'>,
  share: number,
): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let rank = share * total;
  for (let i = 0; i < bounds.length; i++) {
    const count = counts[i] ?? 0;
    if (rank <= count && count > 0) {
      const low = i === 0 ? 0 : bounds[i - 1]!;
      return low + (bounds[i]! - low) * (rank / count);
    }
    rank -= count;
  }
  return bounds.at(-1);
}
