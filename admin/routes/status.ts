import type { Static } from 'typebox';
import { Type } from '../../config/typebox.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource, ProcessStatus, Traffic } from '../admin-source.ts';
import { liveTraffic } from '../live-traffic.ts';
import { withSourceFree } from '../with-source-free.ts';
import { Backend, describeBackends } from './backends.ts';
import { describeListeners, Listener } from './listeners.ts';

const Process = Type.Object({
  id: Type.String(),
  /** Null between a death and the next start. */
  pid: Type.Union([Type.Integer(), Type.Null()]),
  ready: Type.Boolean(),
  restarts: Type.Integer(),
});

const Port = Type.Object({
  pool: Type.String(),
  source: Type.String(),
  destination: Type.String(),
  free: Type.Integer(),
  used: Type.Integer(),
  quarantined: Type.Integer(),
  unusable: Type.Integer(),
});

const Status = Type.Object(
  {
    version: Type.String(),
    pid: Type.Integer(),
    uptime_seconds: Type.Number(),
    ready: Type.Boolean(),
    listeners: Type.Array(Listener),
    planes: Type.Array(Process),
    workers: Type.Array(Process),
    backends: Type.Array(Backend),
    ports: Type.Array(Port),
  },
  { title: 'Status' },
);

const describeProcess = ({ id, pid, ready, restarts }: ProcessStatus): Static<typeof Process> => ({
  id,
  pid: pid ?? null,
  ready,
  restarts,
});

/** `GET /api/v1/status`: everything at a glance. */
export function statusRoutes(app: AdminApp, source: AdminSource, traffic: () => Promise<Traffic>): void {
  app.get(
    '/api/v1/status',
    { schema: { summary: 'Everything at a glance', tags: ['status'], response: { 200: Status } } },
    async () => {
      const live = liveTraffic(await traffic());
      const { version, pid, uptimeSeconds, ...status } = source.status();
      return {
        version,
        pid,
        uptime_seconds: uptimeSeconds,
        ready: source.notReady().length === 0,
        listeners: describeListeners(status.listeners, live),
        planes: status.planes.map(describeProcess),
        workers: status.workers.map(describeProcess),
        backends: describeBackends(source.backends(), live),
        ports: withSourceFree(live.ports, source.sources()),
      };
    },
  );
}
