import type { Static } from 'typebox';
import { Type } from '../../config/typebox.ts';
import type { TrafficMetrics } from '../../lb/metrics/plane-metrics.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource, ListenerStatus, Traffic } from '../admin-source.ts';
import { liveTraffic } from '../live-traffic.ts';

export const Listener = Type.Object(
  {
    name: Type.String(),
    engine: Type.String(),
    /** `address:port` */
    bind: Type.String(),
    connections: Type.Integer(),
    websockets: Type.Integer(),
  },
  { title: 'Listener' },
);

const Listeners = Type.Object({ listeners: Type.Array(Listener) }, { title: 'Listeners' });

/** Each listener with what is open on it; `live` is the sum of the planes that are alive. */
export function describeListeners(
  listeners: readonly ListenerStatus[],
  live: TrafficMetrics,
): Static<typeof Listener>[] {
  const open = new Map(live.listeners.map((metrics) => [metrics.listener, metrics]));
  return listeners.map(({ name, engine, bind }) => ({
    name,
    engine,
    bind,
    connections: open.get(name)?.connections ?? 0,
    websockets: open.get(name)?.webSockets ?? 0,
  }));
}

/** `GET /api/v1/listeners` */
export function listenerRoutes(app: AdminApp, source: AdminSource, traffic: () => Promise<Traffic>): void {
  app.get(
    '/api/v1/listeners',
    { schema: { summary: 'Where clients connect to', tags: ['traffic'], response: { 200: Listeners } } },
    async () => {
      return { listeners: describeListeners(source.status().listeners, liveTraffic(await traffic())) };
    },
  );
}
