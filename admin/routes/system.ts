import { Type } from '../../config/typebox.ts';
import type { AdminApp } from '../admin-app.ts';
import type { Audit } from '../events/audit.ts';
import { sendProblem } from '../problem.ts';
import type { SystemChange, SystemSource } from '../system-source.ts';

const Target = Type.Integer({ minimum: 1, maximum: 100_000_000 });
const Query = Type.Object({ for: Type.Optional(Target) }, { additionalProperties: false });
const Strings = Type.Array(Type.String());
const OrNull = Type.Union([Type.String(), Type.Null()]);

const Finding = Type.Object(
  {
    id: Type.String(),
    title: Type.String(),
    /** pass, warn, fail, or skip for what this machine or demand has no use for. */
    severity: Type.String(),
    current: OrNull,
    wanted: Type.String(),
    formula: Type.String(),
    why: Type.String(),
    if_left: Type.String(),
    risk: Type.String(),
    detail: OrNull,
    /** Who can change it: portico, root, host or person; null where there is nothing to change. */
    changed_by: OrNull,
    /** Portico has changed it, and can put it back. */
    is_changed: Type.Boolean(),
    commands: Strings,
    take_back: Strings,
  },
  { title: 'SystemFinding' },
);

const Limit = Type.Object({
  id: Type.String(),
  title: Type.String(),
  connections: Type.Integer(),
  formula: Type.String(),
});

export const System = Type.Object(
  {
    target: Type.Integer(),
    planes: Type.Integer(),
    summary: Type.Object({
      pass: Type.Integer(),
      warn: Type.Integer(),
      fail: Type.Integer(),
      skip: Type.Integer(),
    }),
    can_apply: Type.Boolean(),
    container: OrNull,
    journal: Type.String(),
    findings: Type.Array(Finding),
    capacity: Type.Array(Limit),
  },
  { title: 'System' },
);

const Request = Type.Object(
  {
    for: Type.Optional(Target),
    only: Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { minItems: 1, maxItems: 200 })),
    dry_run: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

export const Changes = Type.Object(
  {
    dry_run: Type.Boolean(),
    changed: Type.Array(Type.Object({ name: Type.String(), from: OrNull, to: OrNull })),
    left: Type.Array(
      Type.Object({ id: Type.String(), reason: Type.String(), detail: Type.String(), commands: Strings }),
    ),
    notices: Strings,
  },
  { title: 'SystemChanges' },
);

function statusOf(reason: Extract<SystemChange, { readonly ok: false }>['reason']): number {
  switch (reason) {
    case 'denied':
      return 403;
    case 'unknown':
      return 422;
    case 'conflict':
      return 409;
    case 'full':
      return 507;
    default:
      return reason satisfies never;
  }
}

/**
 * `GET /api/v1/system`; `POST /api/v1/system/apply` and `/undo`, both whole or for some settings, for real or as a dry run. A refusal has
 * the commands that somebody else could type in `commands`.
 */
export function systemRoutes(app: AdminApp, system: SystemSource, audit: Audit): void {
  app.get(
    '/api/v1/system',
    {
      schema: {
        summary: 'What of this machine is in the way of many connections',
        tags: ['system'],
        querystring: Query,
        response: { 200: System },
      },
    },
    async (request) => structuredClone(system.report(request.query.for) as never),
  );
  for (const what of ['apply', 'undo'] as const) {
    app.post(
      `/api/v1/system/${what}`,
      {
        config: { problems: [409, 422, 507] },
        schema: {
          summary: what === 'apply' ? 'Change settings of the machine' : 'Put settings of the machine back',
          tags: ['system'],
          body: Request,
          response: { 200: Changes },
        },
      },
      async (request, reply) => {
        const { for: target, only, dry_run: isDryRun = false } = request.body;
        const change = system[what]({ target, only, isDryRun });
        if (!change.ok) {
          const { reason, detail, commands } = change;
          return sendProblem(reply, statusOf(reason), detail, { commands }) as never;
        }
        const { ok, ...result } = change;
        if (!isDryRun && result.changed.length > 0) {
          const valuesOf = (side: 'from' | 'to') =>
            Object.fromEntries(result.changed.map((each) => [each.name, each[side]]));
          await audit.record(request.actor, {
            action: `system.${what}`,
            target: 'machine',
            before: valuesOf('from'),
            after: valuesOf('to'),
            isKept: true,
          });
        }
        return { dry_run: isDryRun, ...result } as never;
      },
    );
  }
}
