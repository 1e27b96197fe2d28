import { compare, type Figure, type Goal } from '../compare.ts';
import { runWrk, type WrkOptions, type WrkResult } from '../load/wrk.ts';
import { cpuMicroseconds } from '../process-usage.ts';
import { inRounds } from '../rounds.ts';
import type { Bench, Scenario } from '../scenario.ts';
import type { Subject } from '../subject.ts';

export interface Throughput extends WrkResult {
  readonly cpuPerRequest: number;
}

export const REQUESTS_PER_SECOND: Figure<Throughput> = {
  title: 'requests/s',
  digits: 0,
  against: ['haproxy', 'nginx'],
  of: ({ requestsPerSecond }) => requestsPerSecond,
};
export const CPU_PER_REQUEST: Figure<Throughput> = {
  title: 'CPU µs per request',
  digits: 1,
  against: ['haproxy', 'nginx'],
  of: ({ cpuPerRequest }) => cpuPerRequest,
};
const MIB = 1 << 20;
const mibPerSecond = (bytes: number): Figure<Throughput> => ({
  title: 'MiB/s',
  digits: 0,
  against: [],
  of: ({ requestsPerSecond }) => (requestsPerSecond * bytes) / MIB,
});

const WARM_UP_SECONDS = 4;

export interface Load extends Omit<WrkOptions, 'seconds'> {
  readonly path: string;
}

export async function measureThroughput(
  { children, options }: Bench,
  { port, pid }: Subject,
  { path, ...load }: Load,
  seconds = options.seconds,
): Promise<Throughput> {
  const before = cpuMicroseconds(pid);
  const result = await runWrk(children, `http://127.0.0.1:${port}${path}`, { ...load, seconds });
  return { ...result, cpuPerRequest: (cpuMicroseconds(pid) - before) / result.requests };
}

/** Requests per second and CPU per request of all balancers under the same load. */
export function throughputScenario(scenario: {
  readonly name: string;
  readonly title: string;
  readonly text: string;
  readonly load: Load;
  /** Of an answer; shows MiB/s. */
  readonly bodyBytes?: number;
  readonly goals: readonly Goal<Throughput>[];
}): Scenario {
  const { name, title, text, load, bodyBytes, goals } = scenario;
  return {
    name,
    needs: [],
    run: async (bench) => {
      const { subjects, options } = bench;
      // Just-in-time compilers and connection pools need a start; all get it.
      for (const subject of subjects)
        await measureThroughput(bench, subject, load, Math.min(WARM_UP_SECONDS, options.seconds));
      const results = await inRounds(subjects, options.rounds, (subject) => measureThroughput(bench, subject, load));
      const { columns, rows, targets } = compare(
        results,
        [REQUESTS_PER_SECOND, ...(bodyBytes === undefined ? [] : [mibPerSecond(bodyBytes)]), CPU_PER_REQUEST],
        goals,
      );
      const failures = [...results.values()].map(
        (rounds) =>
          `${sum(rounds, ({ badStatuses }) => badStatuses)} / ${sum(rounds, ({ socketErrors }) => socketErrors)}`,
      );
      return {
        title,
        text,
        columns: [...columns, 'errors: status / socket'],
        rows: rows.map((row, i) => [...row, failures[i]!]),
        targets,
      };
    },
  };
}

const sum = <T>(values: readonly T[], of: (value: T) => number): number =>
  values.reduce((total, value) => total + of(value), 0);
