import { compileRegex } from '../../config/regex.ts';
import type { RouteConfig } from '../../config/route-config.ts';

export type PathCondition = (path: string) => boolean;

/**
 * A path as text is a prefix on whole segments: `/api` and `/api/` match `/api/x`, `/api` also `/api` itself, and neither `/apix`. `/` is
 * every path, the `*` of OPTIONS too. Undefined: every path.
 */
export function compilePath(path: NonNullable<RouteConfig['path']>): PathCondition | undefined {
  if (typeof path === 'string') return path === '/' ? undefined : (text) => hasPrefix(path, text);
  if ('exact' in path) return (text) => text === path.exact;
  const regex = compileRegex(path.regex);
  return (text) => regex.test(text);
}

function hasPrefix(prefix: string, path: string): boolean {
  if (!path.startsWith(prefix)) return false;
  return prefix.endsWith('/') || path.length === prefix.length || path[prefix.length] === '/';
}
