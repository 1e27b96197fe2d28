const UNITS = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e4, 'k'],
] as const;

/** 999, 9,999, 12.3k, 4.56M: three digits that count. */
export function formatCount(value: number): string {
  for (const [size, unit] of UNITS) {
    if (Math.abs(value) >= size) {
      const scaled = value / (unit === 'k' ? 1000 : size);
      return `${scaled.toFixed(scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2)}${unit}`;
    }
  }
  return Math.round(value).toLocaleString('en');
}

/** Per second: small rates keep a digit after the point. */
export function formatRate(value: number): string {
  return value > 0 && value < 9.95 ? value.toFixed(1) : formatCount(value);
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function formatPercent(share: number): string {
  const percent = share * 100;
  if (percent === 0 || percent >= 99.95) return `${Math.round(percent)}%`;
  if (percent < 0.1) return '<0.1%';
  return `${percent.toFixed(percent < 10 ? 1 : 0)}%`;
}

/** A latency. */
export function formatSeconds(seconds: number): string {
  const ms = seconds * 1000;
  if (ms === 0) return '0 ms';
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
}

/** A latency that there may be none of. */
export const formatLatency = (seconds: number | null | undefined): string =>
  seconds === null || seconds === undefined ? '–' : formatSeconds(seconds);

/** How long something takes or has been: the largest unit that fits, and the next one where it says something. */
export function formatSpan(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} d`;
}

/** `1 server`, `2 servers`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
