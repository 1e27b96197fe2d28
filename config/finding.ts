import { suggest } from './suggest.ts';

export type Path = readonly (string | number)[];

/** Something about a value of the file, before it is known where in the text that is. */
export interface Finding {
  readonly path: Path;
  /** Present: it is about this key of the mapping at `path`, not about the mapping. */
  readonly key?: string;
  readonly message: string;
  /** What was probably meant. */
  readonly suggestion?: string | undefined;
}

/** A finding about a `word` that is none of `known`. */
export function misspelt(finding: Finding, word: string, known: Iterable<string>): Finding {
  return { ...finding, suggestion: suggest(word, known) };
}

/** `backends[0].servers[1]`, for messages. */
export function describePath(path: Path): string {
  let text = '';
  for (const part of path) text += typeof part === 'number' ? `[${part}]` : text === '' ? part : `.${part}`;
  return text === '' ? 'the file' : text;
}
