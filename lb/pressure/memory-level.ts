/**
 * `normal`; `thrifty`: no more clients, and those without a request go; `shedding`: requests are refused as well.
 */
export type MemoryLevel = 'normal' | 'thrifty' | 'shedding';

/** Shares of the limit. A level ends below where it began, so that it does not come and go. */
const THRIFTY = { from: 0.85, until: 0.8 };
const SHEDDING = { from: 0.95, until: 0.9 };

/** The level that follows `level` with so much memory in use. */
export function memoryLevel(level: MemoryLevel, residentBytes: number, limitBytes: number): MemoryLevel {
  const share = residentBytes / limitBytes;
  if (share >= SHEDDING.from || (level === 'shedding' && share > SHEDDING.until)) return 'shedding';
  if (share >= THRIFTY.from || (level !== 'normal' && share > THRIFTY.until)) return 'thrifty';
  return 'normal';
}
