import { type Children, nextMessage } from '../children.ts';

export interface GoodputResult {
  /** Answered with 200 before the deadline. */
  readonly goodPerSecond: number;
  /** Answered otherwise before it. */
  readonly refusedPerSecond: number;
  /** Without an answer by then. */
  readonly latePerSecond: number;
  /** Of those that were good. */
  readonly p99Ms: number;
}

export function runGoodput(
  children: Children,
  load: {
    readonly port: number;
    readonly rate: number;
    readonly seconds: number;
    readonly deadlineMs: number;
    /** Each request has a connection of its own. */
    readonly isFresh?: boolean;
  },
): Promise<GoodputResult> {
  const { port, rate, seconds, deadlineMs, isFresh = false } = load;
  return nextMessage(
    children.fork(
      new URL('./client.js', import.meta.url),
      [port, rate, seconds, deadlineMs, isFresh ? 1 : 0].map(String),
    ),
  );
}
