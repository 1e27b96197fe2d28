import type { TSchema } from 'typebox';
import type { QuantityBounds } from './quantity-bounds.ts';
import { Type } from './typebox.ts';

// What the keys of portico.yaml are made of.

export const closed = { additionalProperties: false };

/** A key that may be left out. */
export const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);

export const name = (what: string) =>
  Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$',
    description: `${what}: letters, digits, "_", "." and "-"`,
  });

/** Timers count in 31 bits of milliseconds, which is a little more. */
const MAX_DURATION_MS = 24 * 86_400_000;

const ANY_SIZE = { low: 0, high: Number.POSITIVE_INFINITY, words: 'a size such as 16KiB, 1MiB, 512 or unlimited' };
const DURATION = '^(0|[0-9]{1,9}([.][0-9]{1,3})?(ms|s|m|h|d))$';

export const duration = (what: string, initial: string, { zero = false } = {}) =>
  optional(
    Type.Union([Type.Literal(0), Type.String({ pattern: DURATION })], {
      description: `${what}; a duration such as 250ms, 5s, 2m`,
      default: initial,
      bounds: {
        of: 'duration',
        low: zero ? 0 : 1,
        high: MAX_DURATION_MS,
        words: zero ? 'a duration of at most 24d' : 'a duration from 1ms to 24d',
      } satisfies QuantityBounds,
    }),
  );

/** A duration of 1 ms at least, or one of these words; it has to be given. */
export const durationOrWord = (what: string, words: readonly string[]) =>
  Type.Union([...words.map((word) => Type.Literal(word)), Type.String({ pattern: DURATION })], {
    description: `${what}; a duration such as 50ms, or ${words.join(', ')}`,
    bounds: {
      of: 'duration',
      low: 1,
      high: MAX_DURATION_MS,
      words: `a duration from 1ms to 24d, or ${words.join(', ')}`,
      except: words,
    } satisfies QuantityBounds,
  }) as unknown as Type.TString;

export const size = (what: string, initial: string, bounds: Omit<QuantityBounds, 'of'> = ANY_SIZE) =>
  optional(
    Type.Union(
      [
        Type.Integer({ minimum: 0 }),
        Type.String({
          pattern: `^([0-9]{1,12}([kKmMgG](i?[bB])?)?|${['unlimited', ...(bounds.except ?? [])].join('|')})$`,
        }),
      ],
      {
        description: `${what}; ${bounds.words}`,
        default: initial,
        bounds: { of: 'size', ...bounds } satisfies QuantityBounds,
      },
    ),
  );

export const count = (what: string, minimum: number, maximum: number, initial: number) =>
  optional(Type.Integer({ minimum, maximum, description: `${what}; ${minimum} to ${maximum}`, default: initial }));

export const flag = (what: string, initial = false) => optional(Type.Boolean({ description: what, default: initial }));

export const choice = <const T extends string[]>(what: string, values: [...T], initial?: T[number]) =>
  Type.Union(
    values.map((value) => Type.Literal(value)),
    { description: `${what}; ${values.join(', ')}`, ...(initial === undefined ? {} : { default: initial }) },
  ) as unknown as Type.TUnion<{ [K in keyof T]: Type.TLiteral<T[K]> }>;

export const autoCount = (what: string, initial: string | number) =>
  optional(
    Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 1, maximum: 256 })], {
      description: `${what}; 1 to 256, or auto for one a core`,
      default: initial,
    }),
  );

export const statuses = (what: string, initial?: string) =>
  optional(
    Type.String({
      pattern: '^[1-5][0-9]{2}(-[1-5][0-9]{2})?(, ?[1-5][0-9]{2}(-[1-5][0-9]{2})?)*$',
      description: `${what}; statuses and ranges such as 200-399 or 200, 401-404`,
      ...(initial === undefined ? {} : { default: initial }),
    }),
  );
