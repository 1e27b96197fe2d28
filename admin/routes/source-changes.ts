import { Type } from '../../config/typebox.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource, SourceChange } from '../admin-source.ts';
import type { RuntimeChanges } from '../config/runtime-changes.ts';
import { sendProblem } from '../problem.ts';
import { KeepQuery } from './keep-query.ts';
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

/** `POST /api/v1/sources/{pool}/addresses`, `DELETE /api/v1/sources/{pool}/addresses/{ip}`. Changes last until Portico stops, with
 * `?keep=true` for good. */
export function sourceChangeRoutes(app: AdminApp, source: AdminSource, changes: RuntimeChanges): void {
  app.post(
    '/api/v1/sources/:pool/addresses',
    {
      config: { problems: [404, 409, 422, 507] },
      schema: {
        summary: 'Add a source address to a pool',
        tags: ['sources'],
        params: Pool,
        querystring: KeepQuery,
        body: NewAddress,
        response: { 201: Source },
      },
    },
    async (request, reply) => {
      const change = await source.addSource(request.params.pool, request.body.address);
      if (!change.ok) return sendProblem(reply, statusOf(change.reason), change.detail) as never;
      const { pool, address, state } = change.status;
      const added = {
        action: 'source.add',
        target: `${pool}/${address}`,
        before: null,
        after: { state: state.kind },
        edit: { kind: 'address', pool, address } as const,
      };
      const trouble = await changes.settle(added, request.query.keep, request.actor, reply);
      if (trouble !== undefined) return trouble as never;
      return reply.code(201).send(describeSource(change.status));
    },
  );
  app.delete(
    '/api/v1/sources/:pool/addresses/:ip',
    {
      config: { problems: [404, 409, 422, 507] },
      schema: {
        summary: 'Drain a source address, then let it go',
        tags: ['sources'],
        params: Address,
        querystring: KeepQuery,
        response: { 202: Source },
      },
    },
    async (request, reply) => {
      const { pool, ip } = request.params;
      const was = source.sources().find((each) => each.pool === pool && each.address === ip);
      const change = source.drainSource(pool, ip);
      if (!change.ok) return sendProblem(reply, statusOf(change.reason), change.detail) as never;
      const before = was === undefined ? null : { state: was.state.kind };
      const drained = {
        action: 'source.drain',
        target: `${pool}/${ip}`,
        before,
        after: { state: change.status.state.kind },
        edit: { kind: 'address-removed', pool, address: ip } as const,
      };
      const trouble = await changes.settle(drained, request.query.keep, request.actor, reply);
      if (trouble !== undefined) return trouble as never;
      return reply.code(202).send(describeSource(change.status));
    },
  );
}
