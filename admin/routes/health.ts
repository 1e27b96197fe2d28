import { Type } from '../../config/typebox.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource } from '../admin-source.ts';

const Health = Type.Object({ status: Type.Literal('ok') }, { title: 'Health' });
const Ready = Type.Object({ status: Type.Literal('ready'), reasons: Type.Array(Type.String()) }, { title: 'Ready' });
const NotReady = Type.Object(
  { status: Type.Literal('not ready'), reasons: Type.Array(Type.String()) },
  { title: 'NotReady' },
);

/** `GET /healthz`: the primary is alive. `GET /readyz`: traffic may be sent here. */
export function healthRoutes(app: AdminApp, source: AdminSource): void {
  app.get(
    '/healthz',
    { schema: { summary: 'The primary is alive', tags: ['health'], response: { 200: Health } } },
    async () => ({ status: 'ok' as const }),
  );
  app.get(
    '/readyz',
    { schema: { summary: 'Traffic may be sent here', tags: ['health'], response: { 200: Ready, 503: NotReady } } },
    async (_request, reply) => {
      const reasons = [...source.notReady()];
      return reasons.length === 0
        ? reply.code(200).send({ status: 'ready', reasons })
        : reply.code(503).send({ status: 'not ready', reasons });
    },
  );
}
