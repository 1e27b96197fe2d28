import type { Histogram } from '../../lb/metrics/plane-metrics.ts';

/**
 * The value below which the share `q` of what was counted lies, taken as spread evenly within its bucket, as PromQL's
 * histogram_quantile does; of the last bucket, which has no end, its lower bound. Null when nothing was counted.
 */
export function quantile({ bounds, counts }: Histogram, q: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total <= 0) return null;
  const rank = q * total;
  let below = 0;
  for (let i = 0; i < bounds.length; i++) {
    const count = counts[i]!;
    if (below + count >= rank && count > 0) {
      const low = bounds[i - 1] ?? 0;
      return low + (bounds[i]! - low) * ((rank - below) / count);
    }
    below += count;
  }
  return bounds.at(-1) ?? null;
}

/** What was counted between two snapshots of one histogram; all of `now` where there is no earlier one. */
export function histogramSince(now: Histogram, then: Histogram | undefined): Histogram {
  if (then === undefined) return now;
  // Reports of a plane that was restarted may run behind for a moment: nothing was taken back.
  return {
    bounds: now.bounds,
    counts: now.counts.map((count, i) => Math.max(0, count - (then.counts[i] ?? 0))),
    sum: Math.max(0, now.sum - then.sum),
  };
}

/** Histograms with the same bounds as one; undefined for none. */
export function addHistograms(histograms: readonly Histogram[]): Histogram | undefined {
  const [first, ...rest] = histograms;
  if (first === undefined) return undefined;
  const counts = [...first.counts];
  let { sum } = first;
  for (const each of rest) {
    each.counts.forEach((count, i) => {
      counts[i] = (counts[i] ?? 0) + count;
    });
    sum += each.sum;
  }
  return { bounds: first.bounds, counts, sum };
}
