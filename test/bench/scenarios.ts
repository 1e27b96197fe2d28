import type { Scenario } from './scenario.ts';
import { accessLogs } from './scenarios/access-logs.ts';
import { earlyReplays } from './scenarios/early-replays.ts';
import { http2Front } from './scenarios/http2-front.ts';
import { idleWebSockets } from './scenarios/idle-websockets.ts';
import { kernelForwarding } from './scenarios/kernel-forwarding.ts';
import { kernelHeld } from './scenarios/kernel-held.ts';
import { largeBodies } from './scenarios/large-bodies.ts';
import { latency } from './scenarios/latency.ts';
import { metricsCost } from './scenarios/metrics-cost.ts';
import { overload } from './scenarios/overload.ts';
import { prometheus } from './scenarios/prometheus.ts';
import { reloads } from './scenarios/reloads.ts';
import { scrape } from './scenarios/scrape.ts';
import { startTime } from './scenarios/start-time.ts';
import { tcpConnections } from './scenarios/tcp-connections.ts';
import { tcpIdle } from './scenarios/tcp-idle.ts';
import { tcpStream } from './scenarios/tcp-stream.ts';
import { CPU_PER_REQUEST, REQUESTS_PER_SECOND, throughputScenario } from './scenarios/throughput.ts';
import { tlsEarlyKeepAlive } from './scenarios/tls-early-keep-alive.ts';
import { tlsFirstByte } from './scenarios/tls-first-byte.ts';
import { tlsHalfOpen } from './scenarios/tls-half-open.ts';
import { tlsHandshakes } from './scenarios/tls-handshakes.ts';
import { tlsResumption } from './scenarios/tls-resumption.ts';
import { tlsScan } from './scenarios/tls-scan.ts';
import { tlsTickets } from './scenarios/tls-tickets.ts';
import { uiFrames } from './scenarios/ui-frames.ts';
import { webSocketEcho } from './scenarios/websocket-echo.ts';

export const scenarios: readonly Scenario[] = [
  throughputScenario({
    name: 'keep-alive',
    title: 'Keep-alive requests',
    text: '`GET /` with an answer of 11 bytes, 64 connections (`wrk -t1 -c64`).',
    load: { path: '/', connections: 64 },
    goals: [
      { subject: 'portico', figure: REQUESTS_PER_SECOND, against: 'haproxy', bound: { atLeast: 1.7 } },
      { subject: 'portico', figure: REQUESTS_PER_SECOND, against: 'nginx', bound: { atLeast: 1.7 } },
      { subject: 'portico', figure: CPU_PER_REQUEST, against: 'haproxy', bound: { atMost: 0.65 } },
      { subject: 'portico-plain', figure: CPU_PER_REQUEST, against: 'haproxy', bound: { atMost: 1.1 } },
    ],
  }),
  throughputScenario({
    name: 'close',
    title: 'A connection for each request',
    text: '`GET /` with `Connection: close` from the client, 64 at a time; connections to the servers are kept alive by all.',
    load: { path: '/', connections: 64, close: true },
    goals: [{ subject: 'portico', figure: REQUESTS_PER_SECOND, against: 'haproxy', bound: { atLeast: 1.1 } }],
  }),
  throughputScenario({
    name: 'body-1k',
    title: 'Answers of 1 KiB',
    text: '64 connections.',
    load: { path: '/bytes/1024', connections: 64 },
    bodyBytes: 1024,
    goals: [],
  }),
  throughputScenario({
    name: 'body-64k',
    title: 'Answers of 64 KiB',
    text: '64 connections.',
    load: { path: '/bytes/65536', connections: 64 },
    bodyBytes: 65_536,
    goals: [],
  }),
  throughputScenario({
    name: 'body-1m',
    title: 'Answers of 1 MiB',
    text: '16 connections.',
    load: { path: '/bytes/1048576', connections: 16 },
    bodyBytes: 1_048_576,
    goals: [{ subject: 'portico', figure: REQUESTS_PER_SECOND, against: 'haproxy', bound: { atLeast: 0.8 } }],
  }),
  accessLogs,
  latency,
  largeBodies,
  overload,
  webSocketEcho,
  idleWebSockets,
  tlsHandshakes,
  tlsTickets,
  tlsEarlyKeepAlive,
  tlsResumption,
  tlsFirstByte,
  tlsHalfOpen,
  tlsScan,
  earlyReplays,
  http2Front,
  tcpConnections,
  tcpStream,
  tcpIdle,
  kernelForwarding,
  kernelHeld,
  metricsCost,
  scrape,
  prometheus,
  uiFrames,
  reloads,
  startTime,
];
