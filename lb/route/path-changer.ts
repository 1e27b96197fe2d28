import { compileRegex } from '../../config/regex.ts';
import type { PathChange, RouteConfig } from '../../config/route-config.ts';

/** The path to ask for instead of `path`, which the route has matched. */
export type PathChanger = (path: string) => string;

/** `matched` is the route's own condition on the path. */
export function compilePathChange(change: PathChange, matched: RouteConfig['path']): PathChanger {
  if ('prefix' in change) return replacePrefix(typeof matched === 'string' ? matched : '/', change.prefix);
  const parts = parseReplacement(change.path);
  if (typeof matched !== 'object' || !('regex' in matched)) {
    const fixed = parts.join('');
    return () => fixed;
  }
  const regex = compileRegex(matched.regex);
  return (path) => {
    const matcher = regex.matcher(path);
    if (!matcher.find()) return path;
    const count = matcher.groupCount();
    let text = '';
    for (const part of parts)
      text += typeof part === 'string' ? part : part <= count ? (matcher.group(part) ?? '') : '';
    return text;
  };
}

/** The slashes where the two meet become one: a prefix with a slash at its end and one without mean the same. */
function replacePrefix(from: string, to: string): PathChanger {
  const start = from.endsWith('/') ? from.length - 1 : from.length;
  const head = to.endsWith('/') ? to.slice(0, -1) : to;
  return (path) => {
    // The `*` of OPTIONS is no path, and names the server as a whole.
    if (!path.startsWith('/')) return path;
    const rest = path.slice(start);
    return rest === '' ? to : head + rest;
  };
}

/** Text and numbers of groups. */
function parseReplacement(text: string): readonly (string | number)[] {
  const parts: (string | number)[] = [];
  for (const part of text.split(/(\$[$1-9])/)) {
    if (part === '$$') parts.push('$');
    else if (/^\$[1-9]$/.test(part)) parts.push(Number(part[1]));
    else if (part !== '') parts.push(part);
  }
  return parts;
}
