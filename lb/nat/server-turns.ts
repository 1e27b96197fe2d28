import { hashString } from '../balance/string-hash.ts';

export interface TurnCandidate {
  /** Target id. */
  readonly id: number;
  /** For hashing: it stays the same from run to run. */
  readonly name: string;
  /** Above 0. */
  readonly weight: number;
  /** Connections that it has. */
  readonly held: number;
}

const MOST_SLOTS = 256;
const HASH_SLOTS = 256;
/** Connections that one round of least-connections hands out. */
const ROUND = 64;

/** One round of turns by weight, evenly mixed as in smooth weighted round-robin; of many or large weights, an approximation of 256 slots. */
export function weightedTurns(candidates: readonly TurnCandidate[]): number[] {
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  const divisor = candidates.reduce((common, { weight }) => gcd(common, weight), 0);
  if (divisor === 0) return [];
  const slots = Math.min(MOST_SLOTS, total / divisor);
  const credits = candidates.map(() => 0);
  return Array.from({ length: slots }, () => {
    let best = 0;
    candidates.forEach(({ weight }, i) => {
      credits[i]! += weight;
      if (credits[i]! > credits[best]!) best = i;
    });
    credits[best]! -= total;
    return candidates[best]!.id;
  });
}

/** The next connections, each to where fewest are by weight, as if the round were all that comes. */
export function leastConnectionsTurns(candidates: readonly TurnCandidate[], round = ROUND): number[] {
  if (candidates.length === 0) return [];
  const held = candidates.map((candidate) => candidate.held);
  return Array.from({ length: round }, () => {
    let best = 0;
    candidates.forEach(({ weight }, i) => {
      if ((held[i]! + 1) / weight < (held[best]! + 1) / candidates[best]!.weight) best = i;
    });
    held[best]!++;
    return candidates[best]!.id;
  });
}

/**
 * The slots of a hash, each given to the candidate with the highest score in it (weighted rendezvous hashing, Schindelhauer and Schomaker
 * 2005): when one leaves, only its own slots move.
 */
export function hashSlots(candidates: readonly TurnCandidate[]): number[] {
  if (candidates.length === 0) return [];
  return Array.from({ length: HASH_SLOTS }, (_, slot) => {
    let best = candidates[0]!;
    let most = Number.NEGATIVE_INFINITY;
    for (const candidate of candidates) {
      const drawn = (hashString(`${slot} ${candidate.name}`) + 0.5) / 2 ** 32;
      const score = -candidate.weight / Math.log(drawn);
      if (score > most) {
        most = score;
        best = candidate;
      }
    }
    return best.id;
  });
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
