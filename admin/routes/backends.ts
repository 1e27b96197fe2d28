import Type, { type Static } from 'typebox';
import type { BackendState } from '../../lb/control/messages.ts';
import type { TrafficMetrics } from '../../lb/metrics/plane-metrics.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource, Traffic } from '../admin-source.ts';
import { liveTraffic } from '../live-traffic.ts';
import { describeServer, Server } from './server.ts';

export const Backend = Type.Object(
  {
    name: Type.String(),
    servers: Type.Array(
      Type.Object({
        ...Server.properties,
        /** Connections to it: with a request under way, and kept alive for the next. */
        active: Type.Integer(),
        idle: Type.Integer(),
        /** How many planes keep requests from it because of what became of earlier ones. */
        ejected_by: Type.Integer(),
      }),
    ),
  },
  { title: 'Backend' },
);

const Backends = Type.Object({ backends: Type.Array(Backend) }, { title: 'Backends' });

/** Each backend with its servers; `live` is the sum of the planes that are alive. */
export function describeBackends(backends: readonly BackendState[], live: TrafficMetrics): Static<typeof Backend>[] {
  return backends.map(({ name, servers }) => {
    const upstreams = new Map(
      live.servers.filter(({ backend }) => backend === name).map((each) => [each.server, each]),
    );
    return {
      name,
      servers: servers.map((server) => {
        const upstream = upstreams.get(server.id);
        return {
          ...describeServer(server),
          active: upstream?.active ?? 0,
          idle: upstream?.idle ?? 0,
          ejected_by: upstream?.ejected ?? 0,
        };
      }),
    };
  });
}

/** `GET /api/v1/backends` */
export function backendRoutes(app: AdminApp, source: AdminSource, traffic: () => Promise<Traffic>): void {
  app.get(
    '/api/v1/backends',
    { schema: { summary: 'Where requests go, with every server', tags: ['traffic'], response: { 200: Backends } } },
    async () => {
      return { backends: describeBackends(source.backends(), liveTraffic(await traffic())) };
    },
  );
}
