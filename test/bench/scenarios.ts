import { idleWebSockets } from './scenarios/idle-websockets.ts';
import { largeBodies } from './scenarios/large-bodies.ts';
import { latency } from './scenarios/latency.ts';
import { metricsCost } from './scenarios/metrics-cost.ts';
import { startTime } from './scenarios/start-time.ts';
import { throughputScenario } from './scenarios/throughput.ts';
import { webSocketEcho } from './scenarios/websocket-echo.ts';
import type { Subject } from './subjects.ts';

/** One table of the results. */
export interface Section {
  readonly title: string;
  readonly text: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly targets: readonly Target[];
}

export interface Target {
  readonly what: string;
  readonly value: string;
  readonly bound: string;
  readonly isMet: boolean;
}

export interface Subjects {
  readonly pipelined: Subject;
  readonly plain: Subject;
  readonly haproxy: Subject;
  readonly nginx: Subject;
  /** Ports of the servers. */
  readonly backends: readonly number[];
  readonly directory: string;
}

export interface Scenario {
  readonly name: string;
  run(subjects: Subjects, options: { readonly rounds: number; readonly seconds: number }): Promise<Section>;
}

export const scenarios: readonly Scenario[] = [
  throughputScenario({
    name: 'keep-alive',
    title: 'Keep-alive requests',
    text: '`GET /` with an answer of 11 bytes, 64 connections (`wrk -t1 -c64`).',
    load: { path: '/', connections: 64 },
    targets: [
      { subject: 'pipelined', figure: 'requestsPerSecond', against: 'haproxy', atLeast: 1.7 },
      { subject: 'pipelined', figure: 'requestsPerSecond', against: 'nginx', atLeast: 1.7 },
      { subject: 'pipelined', figure: 'cpuPerRequest', against: 'haproxy', atMost: 0.65 },
      { subject: 'plain', figure: 'cpuPerRequest', against: 'haproxy', atMost: 1.1 },
    ],
  }),
  throughputScenario({
    name: 'close',
    title: 'A connection for each request',
    text: '`GET /` with `Connection: close` from the client, 64 at a time; connections to the servers are kept alive by all.',
    load: { path: '/', connections: 64, close: true },
    targets: [{ subject: 'pipelined', figure: 'requestsPerSecond', against: 'haproxy', atLeast: 1.1 }],
  }),
  throughputScenario({
    name: 'body-1k',
    title: 'Answers of 1 KiB',
    text: '64 connections.',
    load: { path: '/bytes/1024', connections: 64 },
    targets: [],
  }),
  throughputScenario({
    name: 'body-64k',
    title: 'Answers of 64 KiB',
    text: '64 connections.',
    load: { path: '/bytes/65536', connections: 64 },
    targets: [],
  }),
  throughputScenario({
    name: 'body-1m',
    title: 'Answers of 1 MiB',
    text: '16 connections.',
    load: { path: '/bytes/1048576', connections: 16 },
    targets: [{ subject: 'pipelined', figure: 'requestsPerSecond', against: 'haproxy', atLeast: 0.8 }],
  }),
  latency,
  largeBodies,
  webSocketEcho,
  idleWebSockets,
  metricsCost,
  startTime,
];
