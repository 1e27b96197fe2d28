import { parseDuration } from './duration.ts';
import { describePath, type Finding, type Path } from './finding.ts';
import type { QuantityBounds } from './quantity-bounds.ts';
import { configSchema } from './schema.ts';
import { parseSize } from './size.ts';

/** What this reads of a schema node; `bounds` is set on durations and sizes. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly bounds?: QuantityBounds;
}

/**
 * Durations and sizes that are well written and out of bounds. A pattern cannot tell `0s` from `10s`, and a wrong one does harm in silence:
 * a check every 0 s is a busy loop, and a timer of more than 2^31 ms fires at once.
 */
export function checkQuantities(value: unknown): Finding[] {
  const found: Finding[] = [];
  const visit = (schema: SchemaNode, value: unknown, path: Path): void => {
    if (value === undefined) return;
    if (schema.bounds !== undefined) {
      const { of, low, high, words, except } = schema.bounds;
      if (except?.includes(String(value)) === true) return;
      const number = (of === 'duration' ? parseDuration : parseSize)(String(value));
      if (number === undefined || number < low || number > high) {
        found.push({ path, message: `${describePath(path)} is "${value}", which is not ${words}` });
      }
      return;
    }
    if (Array.isArray(value) && schema.items !== undefined) {
      for (const [i, item] of value.entries()) visit(schema.items, item, [...path, i]);
      return;
    }
    for (const [key, child] of Object.entries(schema.properties ?? {})) {
      visit(child, (value as Record<string, unknown>)[key], [...path, key]);
    }
  };
  visit(configSchema as unknown as SchemaNode, value, []);
  return found;
}
