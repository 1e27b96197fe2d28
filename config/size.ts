const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** `16KiB`, `16k`, `1MiB`, `2g`, `512` in bytes, always by powers of 1024 as nginx and HAProxy count; `unlimited` is Infinity. */
export function parseSize(text: string): number | undefined {
  if (text === 'unlimited') return Number.POSITIVE_INFINITY;
  const match = /^(\d{1,12})(?:([kmg])(?:i?b)?)?$/i.exec(text);
  return match === null ? undefined : Number(match[1]) * UNITS[(match[2] ?? '').toLowerCase()]!;
}
