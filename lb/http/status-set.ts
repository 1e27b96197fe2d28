import type { StatusRanges } from '../../config/config.ts';

/** One entry for each status of three digits; 1 where it is in one of the ranges. */
export function statusSet(ranges: StatusRanges): Uint8Array {
  const set = new Uint8Array(1000);
  for (const [first, last] of ranges) set.fill(1, first, last + 1);
  return set;
}
