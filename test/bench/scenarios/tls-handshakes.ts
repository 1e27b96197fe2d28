import { compare, type Figure } from '../compare.ts';
import { runHandshakes } from '../load/handshakes.ts';
import { runWrk } from '../load/wrk.ts';
import { cpuMicroseconds } from '../process-usage.ts';
import { inRounds } from '../rounds.ts';
import type { Bench, Scenario, Section } from '../scenario.ts';
import type { Role, Subject } from '../subject.ts';
import { startSubject } from '../subjects.ts';
import { makeTlsFiles } from '../tls-files.ts';

/** Counted from the first port of the benchmark. */
const PORTS: Readonly<Record<Role, number>> = { portico: 60, 'portico-plain': 62, haproxy: 64, nginx: 65 };
const SERVERS = [101, 102];
const SECONDS = 4;
const CONNECTIONS = 64;

interface Round {
  readonly requestsPerSecond: number;
  readonly cpuPerRequest: number;
  readonly cpuPerHandshake: number;
  readonly cpuPerResumption: number;
}

const figure = (title: string, digits: number, of: (round: Round) => number): Figure<Round> => ({
  title,
  digits,
  against: ['haproxy', 'nginx'],
  of,
});
const REQUESTS = figure('requests/s', 0, ({ requestsPerSecond }) => requestsPerSecond);
const CPU = figure('CPU µs per request', 1, ({ cpuPerRequest }) => cpuPerRequest);
const FULL = figure('CPU µs per full handshake', 0, ({ cpuPerHandshake }) => cpuPerHandshake);
const RESUMED = figure('CPU µs per resumed one', 0, ({ cpuPerResumption }) => cpuPerResumption);

/** TLS with one ECDSA certificate (P-256): requests on open connections, and what a connection costs. */
export const tlsHandshakes: Scenario = { name: 'tls-handshakes', needs: [], run };

async function run(bench: Bench): Promise<Section> {
  const { children, options, directory } = bench;
  const tls = makeTlsFiles(directory);
  const servers = SERVERS.map((port) => options.basePort + port);
  const roles = bench.subjects.map(({ role }) => role);
  const subjects: Subject[] = [];
  try {
    for (const role of roles) {
      const port = options.basePort + PORTS[role];
      subjects.push(await startSubject({ role, port, servers, directory, children, isPinned: options.isPinned, tls }));
    }
    for (const subject of subjects) await measure(bench, subject, 1);
    const results = await inRounds(subjects, options.rounds, (subject) => measure(bench, subject, SECONDS));
    return {
      title: 'TLS',
      text:
        `One ECDSA certificate (P-256). Requests: ${CONNECTIONS} connections kept alive (wrk, TLS 1.3). Full handshakes by TLS 1.3 and resumed ones by TLS 1.2, ` +
        'one connection after the other without a request (`openssl s_time`).',
      ...compare(
        results,
        [REQUESTS, CPU, FULL, RESUMED],
        [
          { subject: 'portico', figure: REQUESTS, against: 'haproxy', bound: { atLeast: 1.6 } },
          { subject: 'portico', figure: REQUESTS, against: 'nginx', bound: { atLeast: 1.6 } },
          { subject: 'portico', figure: FULL, against: 'haproxy', bound: { atMost: 0.6 } },
          { subject: 'portico', figure: RESUMED, against: 'haproxy', bound: { atMost: 0.8 } },
        ],
      ),
    };
  } finally {
    for (const subject of subjects) await subject.stop();
  }
}

async function measure({ children }: Bench, { port, pid }: Subject, seconds: number): Promise<Round> {
  const cpuOf = async (use: () => Promise<number>): Promise<number> => {
    const before = cpuMicroseconds(pid);
    const count = await use();
    return (cpuMicroseconds(pid) - before) / count;
  };
  let requestsPerSecond = 0;
  const cpuPerRequest = await cpuOf(async () => {
    const result = await runWrk(children, `https://127.0.0.1:${port}/`, { connections: CONNECTIONS, seconds });
    requestsPerSecond = result.requestsPerSecond;
    return result.requests;
  });
  const cpuPerHandshake = await cpuOf(() => runHandshakes(children, port, { seconds, isResumed: false }));
  const cpuPerResumption = await cpuOf(() => runHandshakes(children, port, { seconds, isResumed: true }));
  return { requestsPerSecond, cpuPerRequest, cpuPerHandshake, cpuPerResumption };
}
