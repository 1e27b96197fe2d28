import type { RuntimeEdit } from '../../config/edit-text.ts';
import { Type } from '../../config/typebox.ts';
import type { ServerState } from '../../lb/control/messages.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource, ServerChange } from '../admin-source.ts';
import type { RuntimeChanges } from '../config/runtime-changes.ts';
import { sendProblem } from '../problem.ts';
import { KeepQuery } from './keep-query.ts';
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
    case 'named':
      return 409;
    case 'invalid':
      return 422;
    default:
      return reason satisfies never;
  }
}

/**
 * `PATCH` and `DELETE /api/v1/backends/{backend}/servers/{server}`, `POST /api/v1/backends/{backend}/servers`. Changes last until Portico
 * stops, with `?keep=true` for good. The answer says what is wanted from now on; how much is still under way there is in `GET /api/v1/backends`.
 */
export function serverChangeRoutes(app: AdminApp, source: AdminSource, changes: RuntimeChanges): void {
  const standing = (backend: string, id: string): unknown => {
    const server = source
      .backends()
      .find(({ name }) => name === backend)
      ?.servers.find((each) => each.id === id);
    return server === undefined ? null : wishOf(server);
  };
  app.patch(
    '/api/v1/backends/:backend/servers/:server',
    {
      config: { problems: [404, 409, 422] },
      schema: {
        summary: 'Change state or weight of a server',
        tags: ['traffic'],
        params: OneServer,
        querystring: KeepQuery,
        body: Wish,
        response: { 200: Server },
      },
    },
    async (request, reply) => {
      const { backend, server } = request.params;
      const before = standing(backend, server);
      const change = source.changeServer(backend, server, request.body);
      if (!change.ok) return sendProblem(reply, statusOf(change.reason), change.detail) as never;
      const target = `${backend}/${server}`;
      const after = wishOf(change.server);
      const made = { action: 'server.change', target, before, after, edit: editOf(backend, change.server) };
      const trouble = await changes.settle(made, request.query.keep, request.actor, reply);
      return trouble === undefined ? describeServer(change.server) : (trouble as never);
    },
  );
  app.post(
    '/api/v1/backends/:backend/servers',
    {
      config: { problems: [404, 409, 422] },
      schema: {
        summary: 'Add a server',
        tags: ['traffic'],
        params: Backend,
        querystring: KeepQuery,
        body: NewServer,
        response: { 201: Server },
      },
    },
    async (request, reply) => {
      const { address, weight = 1, backup = false } = request.body;
      const { backend } = request.params;
      const change = source.addServer(backend, { address, weight, backup });
      if (!change.ok) return sendProblem(reply, statusOf(change.reason), change.detail) as never;
      const target = `${backend}/${change.server.id}`;
      const after = wishOf(change.server);
      const made = { action: 'server.add', target, before: null, after, edit: editOf(backend, change.server) };
      const trouble = await changes.settle(made, request.query.keep, request.actor, reply);
      if (trouble !== undefined) return trouble as never;
      return reply.code(201).send(describeServer(change.server));
    },
  );
  app.delete(
    '/api/v1/backends/:backend/servers/:server',
    {
      config: { problems: [404, 409, 422] },
      schema: {
        summary: 'Remove a server; what is under way there is finished',
        tags: ['traffic'],
        params: OneServer,
        querystring: KeepQuery,
        response: { 202: Server },
      },
    },
    async (request, reply) => {
      const { backend, server } = request.params;
      const change = source.removeServer(backend, server);
      if (!change.ok) return sendProblem(reply, statusOf(change.reason), change.detail) as never;
      const target = `${backend}/${server}`;
      const before = wishOf(change.server);
      const edit = { kind: 'server-removed', backend, server } as const;
      const made = { action: 'server.remove', target, before, after: null, edit };
      const trouble = await changes.settle(made, request.query.keep, request.actor, reply);
      if (trouble !== undefined) return trouble as never;
      return reply.code(202).send(describeServer(change.server));
    },
  );
}

/** What an operator can say of a server. */
function wishOf({ admin, weight, backup }: ServerState): unknown {
  return { state: admin, weight, backup };
}

/** Undefined: what a name stands for has no place in the file. */
function editOf(backend: string, { id, name, weight, backup, admin }: ServerState): RuntimeEdit | undefined {
  if (name !== undefined) return undefined;
  return { kind: 'server', backend, server: id, weight, backup, state: admin };
}
