import { RE2JS } from 're2js';

/**
 * A pattern that is matched in time linear to the text, whoever wrote either. Throws an Error whose message says what is wrong with the
 * pattern; back-references and look-around are among what RE2 does not know.
 */
export function compileRegex(pattern: string): RE2JS {
  return RE2JS.compile(pattern);
}

/** What is wrong with the pattern; undefined for a good one. */
export function regexFault(pattern: string): string | undefined {
  try {
    compileRegex(pattern);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
