import { configSchema } from './schema.ts';

interface Node {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}

/** config/REFERENCE.md, from the schema. */
export function configReference(): string {
  const rows: string[] = [];
  addRows(configSchema as unknown as Node, '', rows);
  return [
    '# portico.yaml',
    '',
    'Every key. A key without a default and not marked required may be left out. Unknown keys are errors.',
    '',
    '| key | meaning | default |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function addRows(node: Node, prefix: string, rows: string[]): void {
  for (const [key, child] of Object.entries(node.properties ?? {})) {
    const isList = child.type === 'array' && child.items?.properties !== undefined;
    const path = `${prefix}${key}${isList ? '[]' : ''}`;
    const initial = child.default === undefined ? '' : `\`${String(child.default)}\``;
    const required = node.required?.includes(key) === true ? 'required' : initial;
    rows.push(`| \`${path}\` | ${(child.description ?? '').replaceAll('|', '\\|')} | ${required} |`);
    const inner = isList ? child.items! : child;
    if (inner.properties !== undefined) addRows(inner, `${path}.`, rows);
  }
}
