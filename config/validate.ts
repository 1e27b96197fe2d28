import { Settings } from 'typebox/system';
import Value from 'typebox/value';
import type { Fault } from './fault.ts';
import { configSchema } from './schema.ts';
import { describePath, type Path, type SourceMap } from './source-map.ts';
import { suggest } from './suggest.ts';

/** What this reads of a JSON Schema node. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly description?: string;
  readonly anyOf?: readonly { readonly const?: unknown }[];
  readonly [key: string]: unknown;
}

interface SchemaError {
  readonly keyword: string;
  readonly schemaPath: string;
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message: string;
}

const MAX_ERRORS = 200;

/** Everything in `value` that the schema does not allow, in words for the one who wrote the file. */
export function validate(value: unknown, source: SourceMap): Fault[] {
  Settings.Set({ maxErrors: MAX_ERRORS });
  const errors = Value.Errors(configSchema, value) as unknown as SchemaError[];
  return errors.flatMap((error) => {
    // Branches of a union are told by the union's own error.
    if (error.keyword === 'boolean' || error.schemaPath.includes('/anyOf/')) return [];
    return faultsOf(error, schemaAt(error.schemaPath), value, source);
  });
}

function faultsOf(error: SchemaError, schema: SchemaNode, value: unknown, source: SourceMap): Fault[] {
  const path = pathOf(error.instancePath, value);
  const where = describePath(path);
  switch (error.keyword) {
    case 'additionalProperties': {
      const known = Object.keys(schema.properties ?? {});
      return (error.params.additionalProperties as string[]).map((key) =>
        source.keyFault(path, key, `unknown key "${key}" in ${where}${hint(key, known)}`),
      );
    }
    case 'required':
      return (error.params.requiredProperties as string[]).map((key) => source.fault(path, `${where} has no "${key}"`));
    case 'minItems':
      return [source.fault(path, `${where} must not be empty`)];
    case 'anyOf':
    case 'pattern':
    case 'type':
    case 'minimum':
    case 'maximum': {
      const literals = (schema.anyOf ?? []).flatMap(({ const: literal }) =>
        typeof literal === 'string' ? [literal] : [],
      );
      const found = valueAt(value, path);
      const advice = typeof found === 'string' ? hint(found, literals) : '';
      const expected = schema.description ?? error.message;
      return [source.fault(path, `${where} is ${show(found)}, which does not fit: ${expected}${advice}`)];
    }
    default:
      return [source.fault(path, `${where} ${error.message}`)];
  }
}

export function hint(word: string, known: Iterable<string>): string {
  const meant = suggest(word, known);
  return meant === undefined ? '' : `; did you mean "${meant}"?`;
}

function show(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function schemaAt(pointer: string): SchemaNode {
  let node: SchemaNode = configSchema as unknown as SchemaNode;
  for (const part of pointer.split('/').slice(1)) node = node[part] as SchemaNode;
  return node;
}

function pathOf(pointer: string, value: unknown): Path {
  const path: (string | number)[] = [];
  let node = value;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(node) ? Number(key) : key);
    node = (node as Record<string, unknown> | undefined)?.[key];
  }
  return path;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((node, part) => (node as Record<string | number, unknown> | undefined)?.[part], value);
}
