import { Type } from '../../config/typebox.ts';

/** `keep`: write the change into the config file, too. Without, it lasts until Portico stops. */
export const KeepQuery = Type.Object(
  { keep: Type.Boolean({ default: false, description: 'Write it into the config file, too' }) },
  { additionalProperties: false },
);
