import { choice } from '../../config/schema-parts.ts';
import { Type } from '../../config/typebox.ts';
import type { Actor } from '../actor.ts';
import type { AdminApp } from '../admin-app.ts';
import type { DrainControl } from '../admin-source.ts';
import type { Audit } from '../events/audit.ts';
import { sendProblem } from '../problem.ts';

const Drain = Type.Object(
  {
    state: choice('Whether Portico is about to stop; announced: readiness fails and clients are told', [
      'serving',
      'announced',
      'stopping',
    ]),
  },
  { title: 'Drain' },
);

const HoldQuery = Type.Object({
  hold: Type.Optional(
    Type.Boolean({ description: 'Stay announced, and serve, until another call stops Portico or takes it back' }),
  ),
});

/** `GET`, `POST` and `DELETE /api/v1/drain`: a stop of all of it, as by SIGTERM, which can be taken back until its delay is over. */
export function drainRoutes(app: AdminApp, drain: DrainControl, audit: Audit): void {
  const record = (actor: Actor, action: string, before: DrainControl['state']): Promise<void> =>
    audit.record(actor, {
      action,
      target: 'portico',
      before: { state: before },
      after: { state: drain.state },
      isKept: false,
    });
  app.get(
    '/api/v1/drain',
    { schema: { summary: 'Whether Portico is about to stop', tags: ['drain'], response: { 200: Drain } } },
    async () => ({ state: drain.state }),
  );
  app.post(
    '/api/v1/drain',
    {
      schema: {
        summary: 'Fail readiness, tell clients, and stop after `drain.delay`',
        tags: ['drain'],
        querystring: HoldQuery,
        response: { 202: Drain },
      },
    },
    async (request, reply) => {
      const before = drain.state;
      drain.begin(request.query.hold === true);
      await record(request.actor, 'drain.begin', before);
      return reply.code(202).send({ state: drain.state });
    },
  );
  app.delete(
    '/api/v1/drain',
    {
      config: { problems: [409] },
      schema: {
        summary: 'Take a drain back that has stopped nothing yet',
        tags: ['drain'],
        response: { 200: Drain },
      },
    },
    async (request, reply) => {
      const before = drain.state;
      if (!drain.cancel()) {
        return sendProblem(reply, 409, 'Portico is stopping: its listeners are closed. Start it again.') as never;
      }
      await record(request.actor, 'drain.cancel', before);
      return { state: drain.state };
    },
  );
}
