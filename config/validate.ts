import { describePath, type Finding, misspelt, type Path } from './finding.ts';
import { configSchema } from './schema.ts';
import { isSecret } from './secrets.ts';
import { Settings, Value } from './typebox.ts';

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
export function validate(value: unknown): Finding[] {
  Settings.Set({ maxErrors: MAX_ERRORS });
  const errors = Value.Errors(configSchema, value) as unknown as SchemaError[];
  return errors.flatMap((error) => {
    // Branches of a union are told by the union's own error.
    if (error.keyword === 'boolean' || error.schemaPath.includes('/anyOf/')) return [];
    return findingsOf(error, schemaAt(error.schemaPath), value);
  });
}

function findingsOf(error: SchemaError, schema: SchemaNode, value: unknown): Finding[] {
  const path = pathOf(error.instancePath, value);
  const where = describePath(path);
  switch (error.keyword) {
    case 'additionalProperties': {
      const known = Object.keys(schema.properties ?? {});
      return (error.params.additionalProperties as string[]).map((key) =>
        misspelt({ path, key, message: `unknown key "${key}" in ${where}` }, key, known),
      );
    }
    case 'required':
      return (error.params.requiredProperties as string[]).map((key) => ({
        path,
        message: `${where} has no "${key}"`,
      }));
    case 'minItems':
      return [{ path, message: `${where} must not be empty` }];
    case 'anyOf':
    case 'pattern':
    case 'type':
    case 'minimum':
    case 'maximum': {
      const literals = (schema.anyOf ?? []).flatMap(({ const: literal }) =>
        typeof literal === 'string' ? [literal] : [],
      );
      const found = valueAt(value, path);
      const expected = schema.description ?? error.message;
      const shown = isSecret(path.filter((part) => typeof part === 'string')) ? 'not shown' : show(found);
      const finding = { path, message: `${where} is ${shown}, which does not fit: ${expected}` };
      return [typeof found === 'string' ? misspelt(finding, found, literals) : finding];
    }
    default:
      return [{ path, message: `${where} ${error.message}` }];
  }
}

function show(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
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
