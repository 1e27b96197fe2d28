import { drawTwo } from './draw-two.ts';
import type { Candidate, Policy } from './policy.ts';

/** Of two candidates at random by weight the one where a request probably waits less: its latency times the requests it has to do. */
export function peakEwma<C extends Candidate>(): Policy<C> {
  return (candidates, { random, nowMs }) => {
    if (candidates.length < 2) return candidates[0];
    const [first, second] = drawTwo(candidates, random);
    const a = candidates[first]!;
    const b = candidates[second]!;
    return cost(b, nowMs) < cost(a, nowMs) ? b : a;
  };
}

/** A server whose latency nobody knows gets one request to find out, and no second one before the first is answered. */
const UNKNOWN_MS = 1e6;

function cost({ latency, active, weight }: Candidate, nowMs: number): number {
  const latencyMs = latency?.at(nowMs);
  if (latencyMs === undefined) return active === 0 ? 0 : UNKNOWN_MS * active;
  return (latencyMs * (active + 1)) / weight;
}
