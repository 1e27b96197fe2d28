import type { Template, Variable } from './route-config.ts';

/** `{name}`; braces around anything else are text, so that JSON can stand in a header value. */
const VARIABLE = /\{([a-z_]+)\}/g;

/** The names in braces that a text holds. */
export function variablesIn(text: string): readonly string[] {
  return [...text.matchAll(VARIABLE)].map((match) => match[1]!);
}

/** Every name in `text` is one of Variable's. */
export function parseTemplate(text: string): Template {
  const parts: (string | { readonly variable: Variable })[] = [];
  let end = 0;
  for (const match of text.matchAll(VARIABLE)) {
    if (match.index > end) parts.push(text.slice(end, match.index));
    parts.push({ variable: match[1] as Variable });
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push(text.slice(end));
  return parts;
}
