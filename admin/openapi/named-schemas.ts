export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Mapping = { readonly [key: string]: Json };

/**
 * An OpenAPI document with each schema that has a `title`, and each problem, in `components`, where it has a name, and references to it in
 * its places; so have `more`, which no path refers to. Throws for two different schemas of one name: that is a bug.
 */
export function withNamedSchemas(document: Mapping, more: readonly Json[] = []): Mapping {
  const named = new Map<string, Json>();
  const responses = new Map<string, Json>();
  const visit = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(visit);
    if (!isMapping(value)) return value;
    const { title } = value;
    const visited = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, visit(each)]));
    const inner = isParameterWithDefault(visited) ? { ...visited, required: false } : visited;
    const problem = problemName(inner);
    if (problem !== undefined) {
      responses.set(problem, inner);
      return { $ref: `#/components/responses/${problem}` };
    }
    // `info` has a title too.
    if (typeof title !== 'string' || !('type' in value || 'anyOf' in value)) return inner;
    const known = named.get(title);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(inner)) {
      throw new Error(`two schemas are called ${title}`);
    }
    named.set(title, inner);
    return { $ref: `#/components/schemas/${title}` };
  };
  const { paths, components = {}, ...rest } = document;
  const visited = visit(paths ?? {});
  for (const each of more) visit(each);
  const own = { ...(components as Mapping), responses: inOrder(responses), schemas: inOrder(named) };
  return { ...rest, components: own, paths: visited };
}

/** The name of a response that is a problem and nothing else: every route has the same ones. */
function problemName({ description, content }: Mapping): string | undefined {
  if (typeof description !== 'string' || !isMapping(content ?? null)) return undefined;
  const types = Object.keys(content as Mapping);
  return types.length === 1 && types[0] === 'application/problem+json' ? description.replaceAll(/\W/g, '') : undefined;
}

function inOrder(named: ReadonlyMap<string, Json>): Mapping {
  return Object.fromEntries([...named].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What the server fills in need not be sent, though it is always there for the handler. */
function isParameterWithDefault({ in: where, schema }: Mapping): boolean {
  return where === 'query' && isMapping(schema ?? null) && (schema as Mapping).default !== undefined;
}

function isMapping(value: Json): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
