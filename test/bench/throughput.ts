import { runWrk } from './load/wrk.ts';
import { cpuMicroseconds } from './process-usage.ts';
import type { Subject } from './subjects.ts';

export interface Throughput {
  readonly requestsPerSecond: number[];
  readonly cpuPerRequest: number[];
  errors: number;
}

export interface Case {
  readonly path: string;
  readonly connections: number;
  readonly close?: boolean;
}

/** Loads the subjects in turn, `rounds` times over, so that a slow minute of the machine meets them all. */
export async function compareThroughput(
  subjects: readonly Subject[],
  load: Case,
  options: { readonly rounds: number; readonly seconds: number },
): Promise<Map<string, Throughput>> {
  const results = new Map<string, Throughput>(
    subjects.map(({ name }) => [name, { requestsPerSecond: [], cpuPerRequest: [], errors: 0 }]),
  );
  const run = async (subject: Subject, seconds: number) => {
    const before = cpuMicroseconds(subject.pid);
    const result = await runWrk(`http://127.0.0.1:${subject.port}${load.path}`, { ...load, seconds });
    return { ...result, cpu: cpuMicroseconds(subject.pid) - before };
  };
  // Just-in-time compilers and connection pools need a start; all get it.
  for (const subject of subjects) await run(subject, 4);
  for (let round = 0; round < options.rounds; round++) {
    for (const subject of subjects) {
      const { requests, requestsPerSecond, errors, cpu } = await run(subject, options.seconds);
      const result = results.get(subject.name)!;
      result.requestsPerSecond.push(requestsPerSecond);
      result.cpuPerRequest.push(cpu / requests);
      result.errors += errors;
    }
  }
  return results;
}
