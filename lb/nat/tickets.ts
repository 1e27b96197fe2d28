import type { SourceRun, Tickets } from './nat-plan.ts';

/** Runs that take turns where there are more free ports than tickets, each up to four times in a round. */
const MOST_RUNS = 64;
const MOST_TURNS = 4;

export interface FreeRun {
  readonly run: SourceRun;
  /** Ports of it that the next connections can have. */
  readonly free: number;
}

export const NO_TICKETS: Tickets = { runs: [], order: [], isLimited: true };

export interface DrawOptions {
  /** Ports of some runs that may be gone before the tickets are in force: theirs are the last. */
  readonly kept?: ReadonlyMap<SourceRun, number>;
  /** Tickets at most. */
  readonly most: number;
}

/**
 * Tickets for the next connections, turn about, the freer runs more often. Where few ports are free there is one for each, so that the last
 * one is used and none is promised twice.
 */
export function drawTickets(candidates: readonly FreeRun[], { kept, most }: DrawOptions): Tickets {
  const open = candidates.filter(({ free }) => free > 0);
  const total = open.reduce((sum, { free }) => sum + free, 0);
  const isLimited = total <= most;
  const freest = open.reduce((max, { free }) => Math.max(max, free), 0);
  // Sorting is stable: runs that are as free stay in the caller's order, in which sources alternate. Runs with less than a quarter of what
  // the freest has are left for later: the first of them to be full would end the round for all.
  const chosen = isLimited
    ? open
    : open
        .filter(({ free }) => free * MOST_TURNS >= freest)
        .sort((a, b) => b.free - a.free)
        .slice(0, Math.min(MOST_RUNS, Math.ceil(most / MOST_TURNS)));
  const turns = chosen.map(({ free }) => (isLimited ? free : Math.floor((free * MOST_TURNS) / freest)));
  const runs = chosen.map(({ run }) => run);
  if (!isLimited) return { runs, order: turnAbout(turns).slice(0, most), isLimited };
  const last = turns.map((count, i) => Math.min(count, kept?.get(runs[i]!) ?? 0));
  const first = turns.map((count, i) => count - last[i]!);
  return { runs, order: [...turnAbout(first), ...turnAbout(last)], isLimited };
}

/** Each index as often as `counts` says, mixed: once each, then again those that have more. */
function turnAbout(counts: readonly number[]): number[] {
  const order: number[] = [];
  const most = Math.max(0, ...counts);
  for (let round = 0; round < most; round++) {
    counts.forEach((count, i) => {
      if (count > round) order.push(i);
    });
  }
  return order;
}

/** How many connections can come before one meets a run that is full. */
export function safeCount(tickets: Tickets, freeOf: (run: SourceRun) => number): number {
  const { runs, order, isLimited } = tickets;
  if (isLimited) return order.length;
  const turns = new Array<number>(runs.length).fill(0);
  for (const run of order) turns[run]!++;
  const rounds = runs.reduce((least, run, i) => Math.min(least, Math.floor(freeOf(run) / turns[i]!)), Infinity);
  return Number.isFinite(rounds) ? rounds * order.length : 0;
}
