import Type from 'typebox';
import type { AdminApp } from '../admin-app.ts';
import type { Exposition } from '../metrics/exposition.ts';

/** `GET /metrics` for Prometheus. */
export function metricsRoutes(app: AdminApp, exposition: Exposition): void {
  app.get(
    '/metrics',
    {
      schema: {
        summary: 'Metrics for Prometheus',
        tags: ['health'],
        response: { 200: { content: { 'text/plain': { schema: Type.String() } } } },
      },
    },
    async (_request, reply) => {
      reply.type(exposition.contentType);
      return exposition.collect();
    },
  );
}
