/** One thing wrong with a config file. */
export interface Fault {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** The value or key it is about, such as `backends[0].balance`; empty for the whole file. */
  readonly path: string;
  /** What is wrong. */
  readonly message: string;
  /** What to write instead of a misspelt key, name or word. */
  readonly suggestion?: string;
}

/** `portico.yaml:12:5: unknown key "balanse" in backends[0]; did you mean "balance"?` */
export function formatFault({ file, line, column, message, suggestion }: Fault): string {
  const advice = suggestion === undefined ? '' : `; did you mean "${suggestion}"?`;
  return `${file}:${line}:${column}: ${message}${advice}`;
}
