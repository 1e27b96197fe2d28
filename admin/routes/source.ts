import type { Static } from 'typebox';
import { Type } from '../../config/typebox.ts';
import type { SourceStatus } from '../../lb/source/source-status.ts';

export const Source = Type.Object(
  {
    pool: Type.String(),
    address: Type.String(),
    claim: Type.Boolean(),
    interface: Type.String(),
    state: Type.String(),
    /** Why it is lost or refused. */
    reason: Type.Optional(Type.String()),
    /** Ports that can be used at all. */
    ports: Type.Integer(),
    blocks: Type.Object({
      free: Type.Integer(),
      resting: Type.Integer(),
      owners: Type.Array(Type.Object({ owner: Type.String(), blocks: Type.Integer() })),
    }),
  },
  { title: 'Source' },
);

/** One source address with its state, without what it is used for. */
export function describeSource({ state, blocks, heldElsewhere: _, ...source }: SourceStatus): Static<typeof Source> {
  return {
    ...source,
    state: state.kind,
    ...('reason' in state ? { reason: state.reason } : {}),
    blocks: { free: blocks.free, resting: blocks.resting, owners: [...blocks.owners] },
  };
}
