import Type from 'typebox';
import type { ServerState } from '../../lb/control/messages.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource, ServerChange } from '../admin-source.ts';
import type { Audit } from '../events/audit.ts';
import { sendProblem } from '../problem.ts';
import { describeServer, Server } from './server.ts';

const closed = { additionalProperties: false };
const Backend = Type.Object({ backend: Type.String() });
const OneServer = Type.Object({ backend: Type.String(), server: Type.String() });
const Weight = Type.Integer({ minimum: 0, maximum: 256 });
const Wish = Type.Object(
  {
    state: Type.Optional(Type.Union([Type.Literal('ready'), Type.Literal('drain'), Type.Literal('maintenance')])),
    weight: Type.Optional(Weight),
  },
  { ...closed, minProperties: 1 },
);
const NewServer = Type.Object(
  {
    address: Type.String({ minLength: 1, maxLength: 64 }),
    weight: Type.Optional(Weight),
    backup: Type.Optional(Type.Boolean()),
  },
  closed,
);

type Refusal = Extract<ServerChange, { readonly ok: false }>['reason'];

function statusOf(reason: Refusal): number {
  switch (reason) {
    case 'no-backend':
    case 'no-server':
      return 404;
    case 'exists':
    case 'last':
    case 'workers':
      return 409;
    case 'invalid':
      return 422;
    default:
      return reason satisfies never;
  }
}

/**
 * `PATCH` and `DELETE /api/v1/backends/{backend}/servers/{server}`, `POST /api/v1/backends/{backend}/servers`. Changes last until Portico
 * stops. The answer says what is wanted from now on; how much is still under way there is in `GET /api/v1/backends`.
 */
export function serverChangeRoutes(app: AdminApp, source: AdminSource, audit: Audit): void {
  const standing = (backend: string, id: string): unknown => {
    const server = source
      .backends()
      .find(({ name }) => name === backend)
      ?.servers.find((each) => each.id === id);
    return server === undefined ? null : wishOf(server);
  };
  app.patch(
    '/api/v1/backends/:backend/servers/:server',
    { schema: { params: OneServer, body: Wish, response: { 200: Server } } },
    async (request, reply) => {
      const { backend, server } = request.params;
      const before = standing(backend, server);
      const change = source.changeServer(backend, server, request.body);
      if (!change.ok) return sendProblem(reply, statusOf(change.reason), change.detail) as never;
      const target = `${backend}/${server}`;
      const after = wishOf(change.server);
      await audit.record(request.actor, { action: 'server.change', target, before, after, isKept: false });
      return describeServer(change.server);
    },
  );
  app.post(
    '/api/v1/backends/:backend/servers',
    { schema: { params: Backend, body: NewServer, response: { 201: Server } } },
    async (request, reply) => {
      const { address, weight = 1, backup = false } = request.body;
      const { backend } = request.params;
      const change = source.addServer(backend, { address, weight, backup });
      if (!change.ok) return sendProblem(reply, statusOf(change.reason), change.detail) as never;
      const target = `${backend}/${change.server.id}`;
      const after = wishOf(change.server);
      await audit.record(request.actor, { action: 'server.add', target, before: null, after, isKept: false });
      return reply.code(201).send(describeServer(change.server));
    },
  );
  app.delete(
    '/api/v1/backends/:backend/servers/:server',
    { schema: { params: OneServer, response: { 202: Server } } },
    async (request, reply) => {
      const { backend, server } = request.params;
      const change = source.removeServer(backend, server);
      if (!change.ok) return sendProblem(reply, statusOf(change.reason), change.detail) as never;
      const target = `${backend}/${server}`;
      const before = wishOf(change.server);
      await audit.record(request.actor, { action: 'server.remove', target, before, after: null, isKept: false });
      return reply.code(202).send(describeServer(change.server));
    },
  );
}

/** What an operator can say of a server. */
function wishOf({ admin, weight, backup }: ServerState): unknown {
  return { state: admin, weight, backup };
}
