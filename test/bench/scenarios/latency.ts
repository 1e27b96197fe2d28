import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runWrk } from '../load/wrk.ts';
import type { Scenario } from '../scenarios.ts';
import { ratios, summarize } from '../statistics.ts';
import { spread } from './throughput.ts';

const CONNECTIONS = 32;

/** Sends `rate` requests a second whatever the answers do (h2load), and returns their latencies in microseconds, sorted. */
async function openLoop(port: number, rate: number, seconds: number, log: string): Promise<number[]> {
  rmSync(log, { force: true });
  const perClient = Math.max(1, Math.round(rate / CONNECTIONS));
  const args = [
    '--h1',
    `-c${CONNECTIONS}`,
    `-D${seconds}`,
    `--rps=${perClient}`,
    `--log-file=${log}`,
    `http://127.0.0.1:${port}/`,
  ];
  await new Promise((resolve, reject) => {
    const child = spawn('h2load', args, { stdio: 'ignore' });
    child.on('error', () => reject(new Error('h2load is missing: apt-get install nghttp2-client')));
    child.on('close', resolve);
  });
  // Each line: start, status, microseconds.
  const lines = readFileSync(log, 'latin1').trim().split('\n');
  return lines.map((line) => Number(line.split('\t')[2])).sort((a, b) => a - b);
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;

export const latency: Scenario = {
  name: 'latency',
  run: async (subjects, { rounds, seconds }) => {
    const { requestsPerSecond } = await runWrk(`http://127.0.0.1:${subjects.haproxy.port}/`, {
      connections: CONNECTIONS,
      seconds,
    });
    const rate = requestsPerSecond / 2;
    const compared = [subjects.pipelined, subjects.plain, subjects.haproxy, subjects.nginx];
    const found = new Map(compared.map(({ name }) => [name, { p50: [] as number[], p99: [] as number[] }]));
    for (let round = 0; round < rounds; round++) {
      for (const { name, port } of compared) {
        const sorted = await openLoop(port, rate, seconds, join(subjects.directory, 'h2load.log'));
        found.get(name)!.p50.push(percentile(sorted, 0.5));
        found.get(name)!.p99.push(percentile(sorted, 0.99));
      }
    }
    const of = (name: string) => found.get(name)!;
    const own = summarize(ratios(of(subjects.pipelined.name).p99, of(subjects.haproxy.name).p99)).median;
    return {
      title: 'Latency at half of HAProxy’s maximum rate',
      text: `${Math.round(rate).toLocaleString('en')} requests a second over ${CONNECTIONS} connections, sent on time whatever the answers do (h2load \`--rps\`).`,
      columns: ['balancer', 'median µs', 'p99 µs', 'p99 × HAProxy'],
      rows: compared.map(({ name }) => [
        name,
        spread(of(name).p50, 0),
        spread(of(name).p99, 0),
        spread(ratios(of(name).p99, of(subjects.haproxy.name).p99), 2),
      ]),
      targets: [{ what: 'p99 against HAProxy', value: own.toFixed(2), bound: '≤ 1', isMet: own <= 1 }],
    };
  },
};
