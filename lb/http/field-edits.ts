import type { HeaderEdits, HeaderField, Template, Variable } from '../../config/route-config.ts';

/** The value of a variable for one request. */
export type Lookup = (variable: Variable) => string;

/** Header changes of one route, ready to be applied to many heads. */
export class FieldEdits {
  /** Names in lower case whose fields do not go on as they came. */
  readonly dropped: readonly string[];
  private readonly fields: readonly HeaderField[];
  /** All lines, where none of them has a variable. */
  private readonly fixed: string | undefined;

  constructor({ remove, set, add }: HeaderEdits) {
    this.dropped = [...new Set([...remove, ...set.map(({ name }) => name.toLowerCase())])];
    this.fields = [...set, ...add];
    const isFixed = this.fields.every(({ value }) => value.every((part) => typeof part === 'string'));
    this.fixed = isFixed ? this.render(() => '') : undefined;
  }

  get hasVariables(): boolean {
    return this.fixed === undefined;
  }

  /** The lines to write, each with its CRLF. */
  lines(lookup: Lookup): string {
    return this.fixed ?? this.render(lookup);
  }

  private render(lookup: Lookup): string {
    let text = '';
    for (const { name, value } of this.fields) text += `${name}: ${renderTemplate(value, lookup)}\r\n`;
    return text;
  }
}

function renderTemplate(template: Template, lookup: Lookup): string {
  let text = '';
  for (const part of template) text += typeof part === 'string' ? part : lookup(part.variable);
  return text;
}
