import { compare, type Figure } from '../compare.ts';
import { type OpenLoopResult, runOpenLoop } from '../load/open-loop.ts';
import { inRounds } from '../rounds.ts';
import type { Scenario } from '../scenario.ts';
import { summarize } from '../statistics.ts';
import { measureThroughput } from './throughput.ts';

const CONNECTIONS = 64;
/** HAProxy's maximum is the median of so many loads. */
const MAXIMUM_ROUNDS = 3;

const figure = (title: string, of: (result: OpenLoopResult) => number): Figure<OpenLoopResult> => ({
  title,
  digits: 0,
  against: [],
  of,
});
const P99: Figure<OpenLoopResult> = { ...figure('p99 µs', ({ p99Us }) => p99Us), against: ['haproxy', 'nginx'] };

export const latency: Scenario = {
  name: 'latency',
  needs: ['haproxy'],
  run: async (bench) => {
    const { subjects, options, children } = bench;
    const haproxy = subjects.find(({ role }) => role === 'haproxy')!;
    const maxima: number[] = [];
    for (let round = 0; round < MAXIMUM_ROUNDS; round++)
      maxima.push((await measureThroughput(bench, haproxy, { path: '/', connections: CONNECTIONS })).requestsPerSecond);
    const rate = Math.round(summarize(maxima).median / 2);
    const load = { rate, seconds: options.seconds, connections: CONNECTIONS };
    for (const { port } of subjects) await runOpenLoop(children, { ...load, port, seconds: 1 });
    const results = await inRounds(subjects, options.rounds, ({ port }) => runOpenLoop(children, { ...load, port }));
    return {
      title: 'Latency at half of HAProxy’s maximum rate',
      text: `${rate.toLocaleString('en')} requests a second over ${CONNECTIONS} connections, evenly spaced, each measured from the moment at which it was due, sent or not. How late the client itself came to look at its schedule is in the latencies, and has a column of its own: where it is not well below the p99, the machine was too busy for the round to say much.`,
      ...compare(
        results,
        [
          figure('median µs', ({ p50Us }) => p50Us),
          P99,
          figure('client late, p99 µs', ({ clientLatenessP99Us }) => clientLatenessP99Us),
          figure('errors', ({ errors }) => errors),
        ],
        [{ subject: 'portico', figure: P99, against: 'haproxy', bound: { atMost: 1 } }],
      ),
    };
  },
};
