import type { Attempts, Stored } from './acme-store.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/**
 * From one attempt for a name to the next. Let's Encrypt refuses a name after five failed validations in an hour, and these are at most four
 * (letsencrypt.org/docs/rate-limits).
 */
const DELAYS_MS = [MINUTE_MS, 5 * MINUTE_MS, 20 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS];

/** How long after the beginning of an attempt that has failed, the n-th in a row, the next may begin. */
export function retryDelayMs(failures: number): number {
  return DELAYS_MS[Math.min(failures, DELAYS_MS.length) - 1] ?? 0;
}

/** When a name is to be ordered for; milliseconds since 1970. A certificate is renewed after two thirds of its life, however long that is. */
export function dueAtMs(stored: Stored, { failures, lastMs, notBeforeMs = 0 }: Attempts): number {
  const wanted = stored.kind === 'issued' ? stored.fromMs + ((stored.untilMs - stored.fromMs) * 2) / 3 : 0;
  return Math.max(wanted, notBeforeMs, failures === 0 ? 0 : lastMs + retryDelayMs(failures));
}
