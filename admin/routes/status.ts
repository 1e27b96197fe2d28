import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { sumPlaneMetrics } from '../../lb/metrics/sum-plane-metrics.ts';
import type { AdminSource } from '../admin-source.ts';

const Process = Type.Object({
  id: Type.String(),
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

const Server = Type.Object({
  id: Type.String(),
  weight: Type.Integer(),
  healthy: Type.Boolean(),
  state: Type.String(),
});

const Status = Type.Object({
  version: Type.String(),
  pid: Type.Integer(),
  uptimeSeconds: Type.Number(),
  ready: Type.Boolean(),
  listeners: Type.Array(
    Type.Object({
      name: Type.String(),
      engine: Type.String(),
      bind: Type.String(),
      connections: Type.Integer(),
      webSockets: Type.Integer(),
    }),
  ),
  planes: Type.Array(Process),
  workers: Type.Array(Process),
  backends: Type.Array(Type.Object({ name: Type.String(), servers: Type.Array(Server) })),
  ports: Type.Array(Port),
});

/** `GET /api/v1/status`: everything at a glance. */
export function statusRoutes(app: FastifyInstance, source: AdminSource): void {
  app.get('/api/v1/status', { schema: { response: { 200: Status } } }, async () => {
    const status = source.status();
    const { planes } = await source.traffic();
    const reports = [...planes.values()];
    const perListener = (name: string) =>
      reports.flatMap((report) => report.listeners.filter(({ listener }) => listener === name));
    const withPid = <T extends { readonly pid: number | undefined }>(process: T) => ({
      ...process,
      pid: process.pid ?? null,
    });
    return {
      ...status,
      ready: source.notReady().length === 0,
      listeners: status.listeners.map((listener) => ({
        ...listener,
        connections: perListener(listener.name).reduce((sum, { connections }) => sum + connections, 0),
        webSockets: perListener(listener.name).reduce((sum, { webSockets }) => sum + webSockets, 0),
      })),
      planes: status.planes.map(withPid),
      workers: status.workers.map(withPid),
      backends: source.backends().map(({ name, servers }) => ({
        name,
        servers: servers.map(({ id, weight, healthy, admin }) => ({ id, weight, healthy, state: admin })),
      })),
      ports: sumPlaneMetrics(reports).ports,
    };
  });
}
