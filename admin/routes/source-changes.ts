import Type from 'typebox';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource, SourceChange } from '../admin-source.ts';
import { sendProblem } from '../problem.ts';
import { describeSource, Source } from './source.ts';

const Pool = Type.Object({ pool: Type.String() });
const Address = Type.Object({ pool: Type.String(), ip: Type.String() });
const NewAddress = Type.Object(
  { address: Type.String({ minLength: 1, maxLength: 64 }) },
  { additionalProperties: false },
);

type Refusal = Extract<SourceChange, { readonly ok: false }>['reason'];

function statusOf(reason: Refusal): number {
  switch (reason) {
    case 'no-pool':
    case 'no-address':
      return 404;
    case 'exists':
    case 'refused':
    case 'last':
      return 409;
    case 'invalid':
      return 422;
    case 'full':
      return 507;
    default:
      return reason satisfies never;
  }
}

/** `POST /api/v1/sources/{pool}/addresses`, `DELETE /api/v1/sources/{pool}/addresses/{ip}`. Changes last until Portico stops. */
export function sourceChangeRoutes(app: AdminApp, source: AdminSource): void {
  app.post(
    '/api/v1/sources/:pool/addresses',
    { schema: { params: Pool, body: NewAddress, response: { 201: Source } } },
    async (request, reply) => {
      const change = await source.addSource(request.params.pool, request.body.address);
      if (!change.ok) return sendProblem(reply, statusOf(change.reason), change.detail) as never;
      return reply.code(201).send(describeSource(change.status));
    },
  );
  app.delete(
    '/api/v1/sources/:pool/addresses/:ip',
    { schema: { params: Address, response: { 202: Source } } },
    async (request, reply) => {
      const change = source.drainSource(request.params.pool, request.params.ip);
      if (!change.ok) return sendProblem(reply, statusOf(change.reason), change.detail) as never;
      return reply.code(202).send(describeSource(change.status));
    },
  );
}
