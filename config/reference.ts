import { configSchema } from './schema.ts';

/** What this reads of a schema node. */
interface Node {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}

type Row = readonly [key: string, meaning: string, initial: string];

/** config/REFERENCE.md, from the schema. */
export function configReference(): string {
  const rows: Row[] = [['key', 'meaning', 'default']];
  addRows(configSchema as unknown as Node, '', rows);
  return [
    '# portico.yaml',
    '',
    'Every key. A key without a default and not marked required may be left out. Unknown keys are errors.',
    '',
    ...table(rows),
    '',
  ].join('\n');
}

function addRows(node: Node, prefix: string, rows: Row[]): void {
  for (const [key, child] of Object.entries(node.properties ?? {})) {
    const isList = child.type === 'array' && child.items?.properties !== undefined;
    const path = `${prefix}${key}${isList ? '[]' : ''}`;
    const initial = child.default === undefined ? '' : `\`${String(child.default)}\``;
    const required = node.required?.includes(key) === true ? 'required' : initial;
    rows.push([`\`${path}\``, (child.description ?? '').replaceAll('|', '\\|'), required]);
    const inner = isList ? child.items! : child;
    if (inner.properties !== undefined) addRows(inner, `${path}.`, rows);
  }
}

/** Columns are padded because the formatter pads them, and the file must equal this text. */
function table(rows: readonly Row[]): string[] {
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const [head, ...body] = rows.map((row) => line(row.map((cell, i) => cell.padEnd(widths[i]!))));
  return [head!, line(widths.map((width) => '-'.repeat(width))), ...body];
}
