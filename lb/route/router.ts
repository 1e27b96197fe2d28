import { isIPv6 } from 'node:net';
import type { RouteConfig } from '../../config/config.ts';

interface Rule {
  /** Lower case; '' for any; a leading dot for «any name below». */
  readonly host: string;
  /** '' for any. */
  readonly path: string;
}

/**
 * The routes of one listener; the first that matches wins.
 *
 * A path is a prefix on whole segments: `/api` and `/api/` match `/api/x`, `/api` also `/api` itself, and neither `/apix`. `/` is every
 * path, the `*` of OPTIONS too. A host `*.example.com` matches every name below example.com, at any depth, but not example.com itself,
 * as in nginx; as there, `example.com.` with the root's dot is the same name as without.
 */
export class Router {
  /** One route takes everything: no need to ask. */
  readonly isCatchAll: boolean;
  private readonly rules: readonly Rule[];

  constructor(routes: readonly RouteConfig[]) {
    this.rules = routes.map(({ host = '', path = '/' }) => ({
      host: compileHost(host),
      path: path === '/' ? '' : path,
    }));
    const [first] = this.rules;
    this.isCatchAll = first !== undefined && first.host === '' && first.path === '';
  }

  /** Index of the route, or undefined. `host` in lower case, with or without a port; `path` without its query. */
  match(host: string, path: string): number | undefined {
    const nameEnd = endOfName(host);
    for (let i = 0; i < this.rules.length; i++) {
      const rule = this.rules[i]!;
      if (matchesHost(rule.host, host, nameEnd) && matchesPath(rule.path, path)) return i;
    }
    return undefined;
  }
}

function compileHost(host: string): string {
  // A request names an IPv6 address in brackets (RFC 3986 §3.2.2).
  if (isIPv6(host)) return `[${host}]`;
  const name = host.endsWith('.') ? host.slice(0, -1) : host;
  return name.startsWith('*.') ? name.slice(1) : name;
}

/** Where the root's dot or the port starts, or the end: `[::1]:80`, `a.example:80`, `a.example.:80`, `a.example`. */
function endOfName(host: string): number {
  const colon = host.indexOf(':', host.startsWith('[') ? host.indexOf(']') + 1 : 0);
  const end = colon < 0 ? host.length : colon;
  return end > 0 && host.charCodeAt(end - 1) === 0x2e ? end - 1 : end;
}

function matchesHost(rule: string, host: string, nameEnd: number): boolean {
  if (rule === '') return true;
  if (rule.startsWith('.')) return nameEnd > rule.length && host.startsWith(rule, nameEnd - rule.length);
  return nameEnd === rule.length && host.startsWith(rule);
}

function matchesPath(prefix: string, path: string): boolean {
  if (!path.startsWith(prefix)) return false;
  return prefix.endsWith('/') || path.length === prefix.length || prefix === '' || path[prefix.length] === '/';
}
