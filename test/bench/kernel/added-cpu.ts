import type { Target } from '../scenario.ts';
import { ratios, summarize } from '../statistics.ts';

/** CPU µs for each connection, of the whole machine, in one round. */
export interface CpuRound {
  /** Where packets are only routed, before the others were measured and after. */
  readonly before: number;
  readonly after: number;
  readonly portico: number;
  readonly haproxy: number;
}

/** A difference of two routed measurements above this share of what HAProxy adds hides what is looked for. */
const NOISE_MOST = 0.3;

const control = ({ before, after }: CpuRound): number => (before + after) / 2;

/** What is spent more than where packets are only routed. */
export const addedBy = (rounds: readonly CpuRound[], which: 'portico' | 'haproxy'): number[] =>
  rounds.map((round) => round[which] - control(round));

/** A ratio is only told where both terms stand out from what the machine does by itself; else the target is missed, whatever the numbers. */
export function cpuTarget(rounds: readonly CpuRound[], most: number): Target {
  const [portico, haproxy] = [addedBy(rounds, 'portico'), addedBy(rounds, 'haproxy')];
  const noise = summarize(rounds.map(({ before, after }) => Math.abs(before - after))).median;
  const isClear =
    [...portico, ...haproxy].every((added) => added > 0) && noise <= NOISE_MOST * summarize(haproxy).median;
  const ratio = summarize(ratios(portico, haproxy)).median;
  return {
    what: 'Balancer’s CPU per connection against HAProxy',
    value: isClear ? ratio.toFixed(2) : `no figure: two routed measurements differ by ${noise.toFixed(0)} µs`,
    bound: `≤ ${most}`,
    isMet: isClear && ratio <= most,
  };
}
