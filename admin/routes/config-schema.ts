import { Type } from '../../config/typebox.ts';

const Strings = Type.Array(Type.String());

export const Fault = Type.Object(
  {
    file: Type.String(),
    line: Type.Integer(),
    column: Type.Integer(),
    /** The value or key that it is about; empty for the whole file. */
    path: Type.String(),
    message: Type.String(),
    /** What to write instead. */
    suggestion: Type.Optional(Type.String()),
  },
  { title: 'Fault' },
);

export const Difference = Type.Object(
  {
    /** Such as `backends.app.servers.10.0.0.5:9001.weight`. */
    path: Type.String(),
    /** Null where there is none. */
    before: Type.Unknown(),
    after: Type.Unknown(),
  },
  { title: 'Difference' },
);

export const ConfigAnswer = Type.Object(
  {
    file: Type.String(),
    /** What the file holds; secrets are placeholders, which may be sent back. */
    text: Type.String(),
    etag: Type.String(),
    /** What runs is the text that the file holds, apart from `differences`. */
    is_running: Type.Boolean(),
    /** There is a config to go back to. */
    can_roll_back: Type.Boolean(),
    /** Where what runs (`after`) is not what the file says (`before`); null where the file is no YAML. */
    differences: Type.Union([Type.Array(Difference), Type.Null()]),
  },
  { title: 'Config' },
);

export const ChangeAnswer = Type.Object(
  {
    dry_run: Type.Boolean(),
    kept: Type.Boolean(),
    etag: Type.String(),
    changes: Type.Array(Difference),
    warnings: Type.Array(Fault),
    /** Keys that take effect at the next start. */
    needs_restart: Strings,
  },
  { title: 'ConfigChange' },
);

export const Verdict = Type.Object(
  {
    valid: Type.Boolean(),
    faults: Type.Array(Fault),
    warnings: Type.Array(Fault),
  },
  { title: 'ConfigVerdict' },
);

const MAX_TEXT = 1_000_000;
export const TextBody = Type.Object({ text: Type.String({ maxLength: MAX_TEXT }) }, { additionalProperties: false });

export const PutQuery = Type.Object(
  {
    /** Only say what would change. */
    dry_run: Type.Boolean({ default: false }),
    /** Write it to the file, too. */
    keep: Type.Boolean({ default: true }),
  },
  { additionalProperties: false },
);

export const RollbackQuery = Type.Object(
  { dry_run: Type.Boolean({ default: false }) },
  { additionalProperties: false },
);

export const IfMatch = Type.Object({
  'if-match': Type.Optional(
    Type.String({ description: 'The ETag of the config that this one is made from, or *; without it 428' }),
  ),
});
