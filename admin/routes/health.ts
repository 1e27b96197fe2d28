import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import type { AdminSource } from '../admin-source.ts';

const Health = Type.Object({ status: Type.String() });
const Readiness = Type.Object({ status: Type.String(), reasons: Type.Array(Type.String()) });

/** `GET /healthz`: the primary is alive. `GET /readyz`: traffic may be sent here. */
export function healthRoutes(app: FastifyInstance, source: AdminSource): void {
  app.get('/healthz', { schema: { response: { 200: Health } } }, async () => ({ status: 'ok' }));
  app.get('/readyz', { schema: { response: { 200: Readiness, 503: Readiness } } }, async (_request, reply) => {
    const reasons = source.notReady();
    if (reasons.length > 0) reply.code(503);
    return { status: reasons.length === 0 ? 'ready' : 'not ready', reasons: [...reasons] };
  });
}
