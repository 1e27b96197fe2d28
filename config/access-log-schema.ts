import { choice, closed, optional, size } from './schema-parts.ts';
import { Type } from './typebox.ts';

/** One chunk is with the disk while another fills; more than a few seconds of traffic helps nobody. */
const BUFFER = { low: 131_072, high: 1024 ** 3, words: 'a size from 128KiB to 1GiB' };

export const AccessLog = Type.Object(
  {
    file: Type.String({ minLength: 1, description: 'File that lines are added to, relative to this file; or stdout' }),
    format: optional(
      choice(
        'What a line looks like: JSON, or the Common Log Format without or with Referer and User-Agent',
        ['json', 'common', 'combined'],
        'json',
      ),
    ),
    sample: optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'Share of the requests to log, 0 to 1; those that fail are always logged',
        default: 1,
      }),
    ),
    buffer: size('What may wait for the disk, in each plane; lines beyond it are dropped and counted', '1MiB', BUFFER),
  },
  { ...closed, description: 'One line for each request' },
);
