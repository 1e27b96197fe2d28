import type { Static } from 'typebox';
import { Type } from '../../config/typebox.ts';
import type { ServerState } from '../../lb/control/messages.ts';

/** A server, as the operator and the health checks want it. */
export const Server = Type.Object(
  {
    /** `host:port` */
    id: Type.String(),
    /** Whose address it is, where the config has a name. */
    name: Type.Optional(Type.String()),
    weight: Type.Integer(),
    backup: Type.Boolean(),
    healthy: Type.Boolean(),
    /** Why it is not healthy. */
    reason: Type.Optional(Type.String()),
    state: Type.Union([Type.Literal('ready'), Type.Literal('drain'), Type.Literal('maintenance')]),
  },
  { title: 'Server' },
);

export function describeServer({
  id,
  name,
  weight,
  backup,
  healthy,
  reason,
  admin,
}: ServerState): Static<typeof Server> {
  return {
    id,
    ...(name === undefined ? {} : { name }),
    weight,
    backup,
    healthy,
    ...(reason === undefined ? {} : { reason }),
    state: admin,
  };
}
