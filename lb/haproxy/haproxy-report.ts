import type { ListenerConfig } from '../../config/config.ts';
import type { TrafficMetrics } from '../metrics/plane-metrics.ts';
import { NO_DURATIONS } from '../metrics/request-counters.ts';
import type { CounterSums } from './counter-sums.ts';
import { frontendName, type HaproxyBackend } from './haproxy-plan.ts';
import { freeOf, type LineState } from './line-steering.ts';
import { checkName } from './server-lines.ts';
import type { StatRow } from './stat-table.ts';

export interface HaproxyReportInput {
  readonly listeners: readonly ListenerConfig[];
  readonly proxies: readonly HaproxyBackend[];
  readonly states: readonly LineState[];
  readonly rows: readonly StatRow[];
  /** Of workers that finish what they had before a reload. */
  readonly formerRows: readonly StatRow[];
  readonly sums: CounterSums;
  readonly exhausted: TrafficMetrics['exhausted'];
  /** By how often it happened. */
  readonly drift: Readonly<Record<string, number>>;
}

/** The same figures as the engines give that relay. HAProxy counts answers by class, so a code stands for its hundred. */
export function haproxyReport({
  listeners,
  proxies,
  states,
  rows,
  formerRows,
  sums,
  exhausted,
  drift,
}: HaproxyReportInput): TrafficMetrics {
  const all = [...rows, ...formerRows];
  const sumOf = (proxy: string, name: string, column: string): number =>
    all.reduce((sum, row) => (row.proxy === proxy && row.name === name ? sum + row.number(column) : sum), 0);
  return {
    listeners: listeners.map(({ name }) => {
      const proxy = frontendName(name);
      return {
        listener: name,
        connections: sumOf(proxy, 'FRONTEND', 'scur'),
        connectionsTotal: sums.of(proxy, 'FRONTEND', 'stot'),
        webSockets: 0,
        rejected: [],
      };
    }),
    requests: proxies
      .filter(({ mode }) => mode === 'http')
      .map((proxy) => ({
        listener: listenersOf(proxy),
        backend: proxy.backend.name,
        codes: ([1, 2, 3, 4, 5] as const)
          .map((hundred) => ({ code: hundred * 100, count: sums.of(proxy.name, 'BACKEND', `hrsp_${hundred}xx`) }))
          .filter(({ count }) => count > 0),
        duration: NO_DURATIONS,
      })),
    streams: proxies
      .filter(({ mode }) => mode === 'tcp')
      .map((proxy) => {
        const open = sumOf(proxy.name, 'BACKEND', 'scur');
        const failed = sums.of(proxy.name, 'BACKEND', 'econ');
        return {
          listener: listenersOf(proxy),
          backend: proxy.backend.name,
          outcomes: [
            { outcome: 'closed' as const, count: Math.max(0, sums.of(proxy.name, 'BACKEND', 'stot') - open - failed) },
            { outcome: 'connect-failed' as const, count: failed },
          ],
          bytesIn: sums.of(proxy.name, 'BACKEND', 'bin'),
          bytesOut: sums.of(proxy.name, 'BACKEND', 'bout'),
        };
      }),
    servers: serversOf(states, sums),
    retries: proxies.map((proxy) => ({
      backend: proxy.backend.name,
      reason: 'connect',
      count: sums.of(proxy.name, 'BACKEND', 'wretr'),
    })),
    ports: portsOf(states, sums),
    exhausted,
    drift: Object.entries(drift).map(([kind, count]) => ({ kind, count })),
    queueDepth: proxies.map((proxy) => ({
      pool: proxy.backend.source,
      depth: sumOf(proxy.name, 'BACKEND', 'qcur'),
    })),
  };
}

/** Whether a text comes for the first time: lines of the same server have counters together. */
function createOnce(): (text: string) => boolean {
  const seen = new Set<string>();
  return (text) => {
    if (seen.has(text)) return false;
    seen.add(text);
    return true;
  };
}

/** HAProxy does not tell by which listener a backend was reached. */
const listenersOf = ({ listeners }: HaproxyBackend): string => listeners.map(({ name }) => name).join('+');

function serversOf(states: readonly LineState[], sums: CounterSums): TrafficMetrics['servers'] {
  const servers = new Map<
    string,
    { -readonly [K in keyof TrafficMetrics['servers'][number]]: TrafficMetrics['servers'][number][K] }
  >();
  const isFirst = createOnce();
  for (const { line, used, idle } of states) {
    const { proxy, server } = line;
    const key = `${proxy.backend.name} ${server.id}`;
    const sum = servers.get(key) ?? {
      backend: proxy.backend.name,
      server: server.id,
      active: 0,
      idle: 0,
      connectsTotal: 0,
      connectFailuresTotal: 0,
      answersTotal: 0,
      answerSeconds: 0,
      ejected: 0,
      ejectionsTotal: 0,
    };
    servers.set(key, sum);
    sum.active += used;
    sum.idle += idle;
    if (!isFirst(`${proxy.name} ${server.id}`)) continue;
    sum.connectsTotal += sums.ofServer(proxy.name, checkName(server), 'connect');
    sum.connectFailuresTotal += sums.ofServer(proxy.name, checkName(server), 'econ');
  }
  return [...servers.values()];
}

function portsOf(states: readonly LineState[], sums: CounterSums): TrafficMetrics['ports'] {
  const ports = new Map<
    string,
    {
      pool: string;
      source: string;
      destination: string;
      free: number;
      used: number;
      quarantined: number;
      unusable: number;
      leases: number;
    }
  >();
  const isFirst = createOnce();
  for (const state of states) {
    const { line, used, idle } = state;
    const { pool, address } = line.run;
    const key = `${pool} ${address} ${line.server.id}`;
    const sum = ports.get(key) ?? {
      pool,
      source: address,
      destination: line.server.id,
      free: 0,
      used: 0,
      quarantined: 0,
      unusable: 0,
      leases: 0,
    };
    ports.set(key, sum);
    sum.free += freeOf(state);
    sum.used += used + idle;
    if (!isFirst(`${line.proxy.name} ${key}`)) continue;
    sum.leases += sums.ofSource(line.proxy.name, checkName(line.server), address, 'connect');
  }
  return [...ports.values()];
}
