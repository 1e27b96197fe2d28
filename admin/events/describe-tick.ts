import type { Static } from 'typebox';
import { isAvailable } from '../../lb/health/availability.ts';
import type { PlaneMetrics, RequestMetrics, TrafficMetrics } from '../../lb/metrics/plane-metrics.ts';
import { sumTraffic } from '../../lb/metrics/sum-plane-metrics.ts';
import type { AdminSource, Traffic } from '../admin-source.ts';
import { liveTraffic } from '../live-traffic.ts';
import type { StatusTick } from '../routes/event-schema.ts';
import { withSourceFree } from '../with-source-free.ts';
import { addHistograms, histogramSince, quantile } from './quantile.ts';

/** What the planes had counted at a time. */
export interface Sample {
  readonly atMs: number;
  readonly live: TrafficMetrics;
  /** Those alive and gone. */
  readonly all: TrafficMetrics;
  readonly planes: ReadonlyMap<string, PlaneMetrics>;
}

export function takeSample(atMs: number, traffic: Traffic): Sample {
  const live = liveTraffic(traffic);
  const all = traffic.retired === undefined ? live : sumTraffic([live, traffic.retired]);
  return { atMs, live, all, planes: traffic.planes };
}

/** What happened between two samples, and how things stand at the second. */
export function describeTick(source: AdminSource, time: string, then: Sample, now: Sample): Static<typeof StatusTick> {
  const seconds = Math.max(0.001, (now.atMs - then.atMs) / 1000);
  const rate = (of: (traffic: TrafficMetrics) => number): number =>
    round(Math.max(0, of(now.all) - of(then.all)) / seconds);
  const ratesOf = (is: (request: RequestMetrics) => boolean) => requestRates(then, now, seconds, is);
  const status = source.status();
  const listeners = new Map(now.live.listeners.map((each) => [each.listener, each]));
  return {
    time,
    uptime_seconds: round(status.uptimeSeconds),
    ready: source.notReady().length === 0,
    connections: total(now.live.listeners, ({ connections }) => connections),
    websockets: total(now.live.listeners, ({ webSockets }) => webSockets),
    connections_per_second: rate((traffic) => total(traffic.listeners, (each) => each.connectionsTotal)),
    ...ratesOf(() => true),
    bytes_in_per_second: rate((traffic) => total(traffic.streams, ({ bytesIn }) => bytesIn)),
    bytes_out_per_second: rate((traffic) => total(traffic.streams, ({ bytesOut }) => bytesOut)),
    retries_per_second: rate((traffic) => total(traffic.retries, ({ count }) => count)),
    exhausted_per_second: rate((traffic) => total(traffic.exhausted, ({ count }) => count)),
    waiting: total(now.live.queueDepth, ({ depth }) => depth) + total(now.live.queues ?? [], ({ depth }) => depth),
    listeners: status.listeners.map(({ name }) => ({
      name,
      connections: listeners.get(name)?.connections ?? 0,
      websockets: listeners.get(name)?.webSockets ?? 0,
      connections_per_second: rate((traffic) =>
        total(traffic.listeners, (each) => (each.listener === name ? each.connectionsTotal : 0)),
      ),
      ...ratesOf(({ listener }) => listener === name),
    })),
    backends: source.backends().map(({ name, servers }) => {
      const upstreams = now.live.servers.filter(({ backend }) => backend === name);
      return {
        name,
        servers: servers.length,
        available: servers.filter((server) => isAvailable(server, false)).length,
        active: total(upstreams, ({ active }) => active),
        idle: total(upstreams, ({ idle }) => idle),
        ...ratesOf(({ backend }) => backend === name),
      };
    }),
    planes: status.planes.map(({ id, ready }) =>
      describePlane(id, ready, then.planes.get(id), now.planes.get(id), seconds),
    ),
    ports: describePorts(source, now.live),
  };
}

function requestRates(then: Sample, now: Sample, seconds: number, is: (request: RequestMetrics) => boolean) {
  const latest = now.all.requests.filter(is);
  const earlier = then.all.requests.filter(is);
  const count = (requests: readonly RequestMetrics[], least: number): number =>
    total(requests, ({ codes }) => total(codes, (each) => (each.code >= least ? each.count : 0)));
  const rate = (least: number): number => round(Math.max(0, count(latest, least) - count(earlier, least)) / seconds);
  const histogram = addHistograms(latest.map(({ duration }) => duration));
  const recent =
    histogram === undefined
      ? undefined
      : histogramSince(histogram, addHistograms(earlier.map((each) => each.duration)));
  return {
    requests_per_second: rate(0),
    errors_per_second: rate(500),
    p50_seconds: recent === undefined ? null : quantile(recent, 0.5),
    p99_seconds: recent === undefined ? null : quantile(recent, 0.99),
  };
}

function describePlane(
  id: string,
  ready: boolean,
  then: PlaneMetrics | undefined,
  now: PlaneMetrics | undefined,
  seconds: number,
) {
  const cpuSeconds = (now?.cpuSeconds ?? 0) - (then?.cpuSeconds ?? now?.cpuSeconds ?? 0);
  return {
    id,
    ready,
    cpu: round(Math.max(0, cpuSeconds) / seconds),
    resident_bytes: now?.residentBytes ?? 0,
    event_loop_lag_seconds: now?.eventLoopLagSeconds ?? 0,
  };
}

function describePorts(source: AdminSource, live: TrafficMetrics): Static<typeof StatusTick>['ports'] {
  let first: Static<typeof StatusTick>['ports']['first_to_run_out'] = null;
  for (const { pool, source: address, destination, exhaustionSeconds, addAddresses } of source.forecasts()) {
    if (address !== undefined || !Number.isFinite(exhaustionSeconds)) continue;
    if (first !== null && first.exhaustion_seconds <= exhaustionSeconds) continue;
    first = { pool, destination, exhaustion_seconds: exhaustionSeconds, add_addresses: addAddresses };
  }
  const ports = withSourceFree(live.ports, source.sources());
  return {
    used: total(ports, ({ used }) => used),
    quarantined: total(ports, ({ quarantined }) => quarantined),
    free: total(ports, ({ free }) => free),
    first_to_run_out: first,
  };
}

function total<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}

/** Thousandths are enough for people, and short. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
