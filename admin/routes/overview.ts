import { Type } from '../../config/typebox.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource, Traffic } from '../admin-source.ts';
import { liveTraffic } from '../live-traffic.ts';
import { summarizeBackend } from '../summarize-backend.ts';
import { summarizePools } from '../summarize-pools.ts';
import { wholeTraffic } from '../whole-traffic.ts';
import { describeListeners, Listener } from './listeners.ts';

const Int = Type.Integer();
const Trouble = Type.Object({ reason: Type.String() });

const Process = Type.Object({
  id: Type.String(),
  ready: Type.Boolean(),
  restarts: Int,
});

const BackendSummary = Type.Object({
  name: Type.String(),
  servers: Int,
  /** Healthy, and wanted by the operator. */
  available: Int,
  unhealthy: Int,
  drain: Int,
  maintenance: Int,
  ejected: Int,
  active: Int,
  idle: Int,
  queued: Int,
  connect_failures_total: Int,
  retries_total: Int,
  /** The first of the servers that are not healthy. */
  trouble: Type.Array(Type.Object({ id: Type.String(), ...Trouble.properties })),
});

const PoolSummary = Type.Object({
  name: Type.String(),
  addresses: Int,
  ready: Int,
  draining: Int,
  /** Of the addresses that are ready: that many connections to each destination. */
  ports: Int,
  used: Int,
  quarantined: Int,
  destinations: Int,
  queued: Int,
  exhausted: Type.Array(Type.Object({ outcome: Type.String(), count: Int })),
  trouble: Type.Array(Type.Object({ address: Type.String(), ...Trouble.properties })),
  /** The destination that has least left. */
  tightest: Type.Union([
    Type.Object({
      destination: Type.String(),
      busy: Int,
      capacity: Int,
      exhaustion_seconds: Type.Union([Type.Number(), Type.Null()]),
      add_addresses: Int,
    }),
    Type.Null(),
  ]),
});

export const Overview = Type.Object(
  {
    version: Type.String(),
    uptime_seconds: Type.Number(),
    ready: Type.Boolean(),
    /** Why no traffic should be sent here. */
    reasons: Type.Array(Type.String()),
    planes: Type.Array(Process),
    workers: Type.Array(Process),
    listeners: Type.Array(Type.Object({ ...Listener.properties, connections_total: Int, rejected_total: Int })),
    backends: Type.Array(BackendSummary),
    pools: Type.Array(PoolSummary),
    /** Settings of the machine that are in the way. */
    system: Type.Object({ warn: Int, fail: Int }),
  },
  { title: 'Overview' },
);

/**
 * `GET /api/v1/overview`: every part in a few numbers, bounded by the config and not by the number of destinations. Rates are in the ticks
 * of `GET /api/v1/events`; counters are those since the start of Portico.
 */
export function overviewRoutes(app: AdminApp, source: AdminSource, traffic: () => Promise<Traffic>): void {
  app.get(
    '/api/v1/overview',
    { schema: { summary: 'Every part in a few numbers', tags: ['status'], response: { 200: Overview } } },
    async () => {
      const counted = await traffic();
      const live = liveTraffic(counted);
      const whole = wholeTraffic(counted, live);
      const { version, uptimeSeconds, listeners, planes, workers } = source.status();
      const reasons = [...source.notReady()];
      const totals = new Map(whole.listeners.map((each) => [each.listener, each]));
      return {
        version,
        uptime_seconds: uptimeSeconds,
        ready: reasons.length === 0,
        reasons,
        planes: planes.map(({ id, ready, restarts }) => ({ id, ready, restarts })),
        workers: workers.map(({ id, ready, restarts }) => ({ id, ready, restarts })),
        listeners: describeListeners(listeners, live).map((each) => ({
          ...each,
          connections_total: totals.get(each.name)?.connectionsTotal ?? 0,
          rejected_total: (totals.get(each.name)?.rejected ?? []).reduce((sum, { count }) => sum + count, 0),
        })),
        backends: source.backends().map((backend) => summarizeBackend(backend, live, whole)),
        pools: summarizePools(source.portRanges().keys(), source.sources(), source.forecasts(), live, whole),
        system: { ...source.system.summary().findings },
      };
    },
  );
}
