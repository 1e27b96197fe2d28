import type { PathChange, RouteConfig, ValueMatch } from '../config/route-config.ts';

export interface RouteDescription {
  /** What a request must have, a condition each; empty: nothing. */
  readonly conditions: string[];
  /** Where it goes, in words. */
  readonly target: string;
  /** Backends that may answer it, with their share of the requests. */
  readonly backends: { name: string; weight: number }[];
}

/** A route as a person reads it. */
export function describeRoute(route: RouteConfig): RouteDescription {
  const { host, path, methods, scheme, headers = [], query = [] } = route;
  return {
    conditions: [
      ...(host === undefined ? [] : [`host ${host}`]),
      ...(path === undefined || path === '/' ? [] : [describePath(path)]),
      ...(methods === undefined ? [] : [`method ${methods.join(' or ')}`]),
      ...(scheme === undefined ? [] : [`scheme ${scheme}`]),
      ...headers.map((match) => `header ${describeMatch(match)}`),
      ...query.map((match) => `query ${describeMatch(match)}`),
    ],
    target: describeTarget(route),
    backends:
      route.backend === undefined
        ? (route.split ?? []).map(({ backend, weight }) => ({ name: backend, weight }))
        : [{ name: route.backend, weight: 1 }],
  };
}

function describePath(path: NonNullable<RouteConfig['path']>): string {
  if (typeof path === 'string') return `path ${path}…`;
  return 'exact' in path ? `path ${path.exact}` : `path ~ ${path.regex}`;
}

function describeMatch(match: ValueMatch): string {
  if ('is' in match) return `${match.name} is ${match.is}`;
  if ('exact' in match) return `${match.name} = ${match.exact}`;
  return 'prefix' in match ? `${match.name} = ${match.prefix}…` : `${match.name} ~ ${match.regex}`;
}

function describeTarget({ backend, split, redirect, answer }: RouteConfig): string {
  if (backend !== undefined) return `backend ${backend}`;
  if (split !== undefined) return `backends ${split.map((part) => `${part.backend} (${part.weight})`).join(', ')}`;
  if (redirect !== undefined) {
    const { status, scheme, host, port, change } = redirect;
    const where = [
      ...(scheme === undefined ? [] : [`scheme ${scheme}`]),
      ...(host === undefined ? [] : [`host ${host}`]),
      ...(port === undefined ? [] : [`port ${port}`]),
      ...(change === undefined ? [] : [describeChange(change)]),
    ];
    return `redirect ${status} to ${where.join(', ')}`;
  }
  return answer === undefined ? 'nowhere' : `answer ${answer.status}`;
}

const describeChange = (change: PathChange): string =>
  'path' in change ? `path ${change.path}` : `path prefix ${change.prefix}`;
