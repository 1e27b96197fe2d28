import type { AdminApp } from '../admin-app.ts';
import type { Exposition } from '../metrics/exposition.ts';

/** `GET /metrics` for Prometheus. */
export function metricsRoutes(app: AdminApp, exposition: Exposition): void {
  app.get('/metrics', async (_request, reply) => {
    reply.type(exposition.contentType);
    return exposition.collect();
  });
}
