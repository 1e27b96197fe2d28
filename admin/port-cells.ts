import type { PortUse } from '../lb/source/port-use.ts';
import type { PortRange } from './admin-source.ts';

/** Neighbouring blocks of a source as one. */
export interface PortCell {
  readonly first: number;
  readonly last: number;
  readonly used: number;
  readonly quarantined: number;
  readonly unusable: number;
  /** Ports of the pool's range in it. */
  readonly ports: number;
}

const BLOCK_SHIFT = 7;

/** The range cut into at most `most` cells of about the same size, none of which splits a block. */
export function portCells(
  { used, quarantined, unusable }: PortUse,
  { low, high }: PortRange,
  most: number,
): PortCell[] {
  const firstBlock = low >>> BLOCK_SHIFT;
  const blocks = (high >>> BLOCK_SHIFT) - firstBlock + 1;
  const count = Math.min(most, blocks);
  return Array.from({ length: count }, (_, i) => {
    const from = firstBlock + Math.floor((i * blocks) / count);
    const to = firstBlock + Math.floor(((i + 1) * blocks) / count);
    const first = Math.max(low, from << BLOCK_SHIFT);
    const last = Math.min(high, (to << BLOCK_SHIFT) - 1);
    return {
      first,
      last,
      used: sumOf(used, from, to),
      quarantined: sumOf(quarantined, from, to),
      unusable: sumOf(unusable, from, to),
      ports: last - first + 1,
    };
  });
}

function sumOf(counts: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += counts[i] ?? 0;
  return sum;
}
