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

/**
 * Tickets for the next connections, turn about, the freer runs more often. Where few ports are free there is one for each, so that the last
 * one is used and none is promised twice. `most`: tickets at most.
 */
export function drawTickets(candidates: readonly FreeRun[], most: number): Tickets {
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
  const order: number[] = [];
  for (let round = 0; order.length < most; round++) {
    const before = order.length;
    turns.forEach((count, i) => {
      if (count > round) order.push(i);
    });
    if (order.length === before) break;
  }
  return { runs: chosen.map(({ run }) => run), order, isLimited };
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
