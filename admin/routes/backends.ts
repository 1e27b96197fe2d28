import Type, { type Static } from 'typebox';
import type { BackendState } from '../../lb/control/messages.ts';
import type { TrafficMetrics } from '../../lb/metrics/plane-metrics.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource, Traffic } from '../admin-source.ts';
import { liveTraffic } from '../live-traffic.ts';

export const Backend = Type.Object({
  name: Type.String(),
  servers: Type.Array(
    Type.Object({
      /** `host:port` */
      id: Type.String(),
      weight: Type.Integer(),
      healthy: Type.Boolean(),
      state: Type.Union([Type.Literal('ready'), Type.Literal('drain'), Type.Literal('maintenance')]),
      /** Connections to it: with a request under way, and kept alive for the next. */
      active: Type.Integer(),
      idle: Type.Integer(),
    }),
  ),
});

const Backends = Type.Object({ backends: Type.Array(Backend) });

/** Each backend with its servers; `live` is the sum of the planes that are alive. */
export function describeBackends(backends: readonly BackendState[], live: TrafficMetrics): Static<typeof Backend>[] {
  return backends.map(({ name, servers }) => {
    const upstreams = new Map(
      live.servers.filter(({ backend }) => backend === name).map((each) => [each.server, each]),
    );
    return {
      name,
      servers: servers.map(({ id, weight, healthy, admin }) => ({
        id,
        weight,
        healthy,
        state: admin,
        active: upstreams.get(id)?.active ?? 0,
        idle: upstreams.get(id)?.idle ?? 0,
      })),
    };
  });
}

/** `GET /api/v1/backends` */
export function backendRoutes(app: AdminApp, source: AdminSource, traffic: () => Promise<Traffic>): void {
  app.get('/api/v1/backends', { schema: { response: { 200: Backends } } }, async () => {
    return { backends: describeBackends(source.backends(), liveTraffic(await traffic())) };
  });
}
