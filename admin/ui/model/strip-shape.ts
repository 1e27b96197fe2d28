import type { PortStrip } from '../api/answers.ts';

/** A rectangle of a strip, in device pixels. */
export interface StripPart {
  readonly kind: 'used' | 'quarantined' | 'unusable';
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

type Counts = Pick<PortStrip, 'ports' | 'used' | 'quarantined' | 'unusable'>;

/** What little there is shall be seen: of a thousand ports, a single one would be a fraction of a pixel. */
const MIN_HEIGHT = 2;

/**
 * A column for each cell, filled from the bottom: used, then resting, then unusable; what is left is free. Heights differ, so that the
 * strip can be read without its colours.
 */
export function stripShape({ ports, used, quarantined, unusable }: Counts, width: number, height: number): StripPart[] {
  const parts: StripPart[] = [];
  const count = ports.length;
  // A single cell is a pair of which nobody told where its ports are: a mark all over it would tell a lie.
  const least = count > 1 ? MIN_HEIGHT : 0;
  for (let i = 0; i < count; i++) {
    const x = Math.round((i * width) / count);
    const columnWidth = Math.max(1, Math.round(((i + 1) * width) / count) - x - 1);
    let top = height;
    for (const [kind, counts] of [
      ['used', used],
      ['quarantined', quarantined],
      ['unusable', unusable],
    ] as const) {
      if (counts[i] === 0) continue;
      const share = Math.max(least, Math.round((counts[i]! * height) / Math.max(1, ports[i]!)));
      const part = Math.min(top, share);
      top -= part;
      if (part > 0) parts.push({ kind, x, y: top, width: columnWidth, height: part });
    }
  }
  return parts;
}
