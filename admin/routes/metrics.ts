import type { FastifyInstance } from 'fastify';
import type { AdminSource } from '../admin-source.ts';
import { Exposition } from '../metrics/exposition.ts';

/** `GET /metrics` for Prometheus. */
export function metricsRoutes(app: FastifyInstance, source: AdminSource): void {
  const exposition = new Exposition(source);
  app.get('/metrics', async (_request, reply) => {
    reply.type(exposition.contentType);
    return exposition.collect();
  });
}
