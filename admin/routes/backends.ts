import type { Static } from 'typebox';
import { Type } from '../../config/typebox.ts';
import type { TrafficMetrics } from '../../lb/metrics/plane-metrics.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource, BackendStatus, Traffic } from '../admin-source.ts';
import { liveTraffic } from '../live-traffic.ts';
import { describeServer, Server } from './server.ts';

export const Backend = Type.Object(
  {
    name: Type.String(),
    /** How sessions are kept on their servers; null: they are not. */
    sticky: Type.Union([
      Type.Object({ by: Type.Union([Type.Literal('cookie'), Type.Literal('header')]), name: Type.String() }),
      Type.Null(),
    ]),
    servers: Type.Array(
      Type.Object({
        ...Server.properties,
        /** Connections to it: with a request under way, and kept alive for the next. */
        active: Type.Integer(),
        idle: Type.Integer(),
        /** How many planes keep requests from it because of what became of earlier ones. */
        ejected_by: Type.Integer(),
        /** Answers that began since the planes that are alive started, and how long they took to, all together. */
        answers_total: Type.Integer(),
        answer_seconds_total: Type.Number(),
      }),
    ),
  },
  { title: 'Backend' },
);

const Backends = Type.Object({ backends: Type.Array(Backend) }, { title: 'Backends' });

/** Each backend with its servers; `live` is the sum of the planes that are alive. */
export function describeBackends(backends: readonly BackendStatus[], live: TrafficMetrics): Static<typeof Backend>[] {
  return backends.map(({ name, servers, sticky }) => {
    const upstreams = new Map(
      live.servers.filter(({ backend }) => backend === name).map((each) => [each.server, each]),
    );
    return {
      name,
      sticky: sticky === undefined ? null : { by: sticky.by, name: sticky.name },
      servers: servers.map((server) => {
        const upstream = upstreams.get(server.id);
        return {
          ...describeServer(server),
          active: upstream?.active ?? 0,
          idle: upstream?.idle ?? 0,
          ejected_by: upstream?.ejected ?? 0,
          answers_total: upstream?.answersTotal ?? 0,
          answer_seconds_total: upstream?.answerSeconds ?? 0,
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
