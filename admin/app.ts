import fastify, { type FastifyInstance } from 'fastify';
import type { AdminSource } from './admin-source.ts';
import { type GuardOptions, useGuard } from './guard.ts';
import { useProblems } from './problem.ts';
import { healthRoutes } from './routes/health.ts';
import { indexRoutes } from './routes/index-page.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { statusRoutes } from './routes/status.ts';

/** The admin server's routes. It never listens; `AdminServer` does. */
export function createAdminApp(source: AdminSource, options: GuardOptions): FastifyInstance {
  const app = fastify({ forceCloseConnections: true });
  useProblems(app);
  useGuard(app, options);
  indexRoutes(app);
  healthRoutes(app, source);
  statusRoutes(app, source);
  metricsRoutes(app, source);
  return app;
}
