import { Random } from '../fuzz/random.ts';
import { type Fault, type FaultKind, isFront } from './fault.ts';

export interface ScheduleOptions {
  readonly seed: number;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly kinds: readonly FaultKind[];
  /** Mean time between two faults of Portico itself; those around it come as often. */
  readonly everyMs: number;
}

const SHORTEST_MS = 500;
const LONGEST_MS = 4000;

/**
 * The same seed gives the same faults at the same times. Kinds are dealt like cards, so that each comes before one comes again; each
 * of the two lanes has a deck of its own.
 */
export function planSchedule({ seed, fromMs, untilMs, kinds, everyMs }: ScheduleOptions): readonly Fault[] {
  const random = new Random(seed);
  const lanes = [kinds.filter(isFront), kinds.filter((kind) => !isFront(kind))].filter((lane) => lane.length > 0);
  return lanes
    .flatMap((lane) => {
      const faults: Fault[] = [];
      let deck: FaultKind[] = [];
      for (let atMs = fromMs; ; ) {
        atMs += Math.round(everyMs * (0.5 + random.next()));
        if (atMs >= untilMs) return faults;
        if (deck.length === 0) deck = shuffle(lane, random);
        faults.push({
          atMs,
          kind: deck.pop()!,
          index: random.below(1000),
          lastsMs: SHORTEST_MS + random.below(LONGEST_MS - SHORTEST_MS),
        });
      }
    })
    .sort((a, b) => a.atMs - b.atMs);
}

function shuffle<T>(from: readonly T[], random: Random): T[] {
  const deck = [...from];
  for (let i = deck.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [deck[i], deck[j]] = [deck[j]!, deck[i]!];
  }
  return deck;
}
