import { type RouteConfig, takesEverything } from '../../config/route-config.ts';
import { HostCondition, parseRequestHost, type RequestHost } from './host-condition.ts';
import { compilePath, type PathCondition } from './path-condition.ts';
import type { RouteRequest } from './route-request.ts';
import { compileValueMatch, type ValueCondition } from './value-condition.ts';

interface Rule {
  readonly index: number;
  readonly host: HostCondition | undefined;
  readonly path: PathCondition | undefined;
  readonly methods: readonly string[] | undefined;
  readonly scheme: 'http' | 'https' | undefined;
  readonly headers: readonly NamedCondition[];
  readonly query: readonly NamedCondition[];
}

interface NamedCondition {
  readonly name: string;
  readonly takes: ValueCondition;
}

/**
 * The routes of one listener; the first whose conditions all hold wins. Routes of other hosts cost nothing: those that one name can take
 * are listed beforehand.
 */
export class Router {
  /** One route takes everything: no need to ask. */
  readonly isCatchAll: boolean;
  /** By exact name: every route that a request for it can take. */
  private readonly byName = new Map<string, readonly Rule[]>();
  /** For every other name. */
  private readonly others: readonly Rule[];

  constructor(routes: readonly RouteConfig[]) {
    const rules = routes.map(compileRule);
    this.isCatchAll = routes[0] !== undefined && takesEverything(routes[0]);
    const names = new Set(rules.map(({ host }) => host?.name).filter((name) => name !== undefined));
    for (const name of names) {
      const host = parseRequestHost(name);
      this.byName.set(
        name,
        rules.filter((rule) => rule.host === undefined || rule.host.takesName(host)),
      );
    }
    this.others = rules.filter(({ host }) => host?.name === undefined);
  }

  /** Index of the route, or undefined. */
  match(request: RouteRequest): number | undefined {
    const host = parseRequestHost(request.host);
    const rules = this.byName.get(host.text.slice(0, host.nameEnd)) ?? this.others;
    for (const rule of rules) if (takes(rule, request, host)) return rule.index;
    return undefined;
  }
}

function compileRule({ host, path, methods, scheme, headers, query }: RouteConfig, index: number): Rule {
  return {
    index,
    host: host === undefined ? undefined : new HostCondition(host),
    path: path === undefined ? undefined : compilePath(path),
    methods,
    scheme,
    headers: (headers ?? []).map((match) => ({ name: match.name, takes: compileValueMatch(match) })),
    query: (query ?? []).map((match) => ({ name: match.name, takes: compileValueMatch(match) })),
  };
}

function takes(
  { host, path, methods, scheme, headers, query }: Rule,
  request: RouteRequest,
  name: RequestHost,
): boolean {
  if (host !== undefined && !host.takes(name, request.scheme)) return false;
  if (path !== undefined && !path(request.path)) return false;
  if (methods !== undefined && !methods.includes(request.method)) return false;
  if (scheme !== undefined && request.scheme !== scheme) return false;
  for (const condition of headers) if (!condition.takes(request.header(condition.name))) return false;
  for (const condition of query) if (!condition.takes(request.parameter(condition.name))) return false;
  return true;
}
