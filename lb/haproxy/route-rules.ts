import { parseHostPattern } from '../../config/host-pattern.ts';
import type { PathChange, RouteConfig, Template, ValueMatch, Variable } from '../../config/route-config.ts';
import { backendsOf } from '../../config/route-config.ts';
import { proxyName } from './haproxy-plan.ts';
import { literal, quote } from './quote.ts';

/** The conditions of one route as ACLs; lines of one name are alternatives. `names`: all of them must hold. */
export interface RouteAcls {
  readonly lines: readonly string[];
  readonly names: readonly string[];
}

/** RE2 finds a pattern anywhere; so does HAProxy's `reg`. */
export function routeAcls(route: RouteConfig, prefix: string): RouteAcls {
  const lines: string[] = [];
  const names: string[] = [];
  const add = (name: string, ...alternatives: readonly string[]): void => {
    names.push(`${prefix}_${name}`);
    for (const each of alternatives) lines.push(`acl ${prefix}_${name} ${each}`);
  };
  const { host, path, methods, scheme, headers, query } = route;
  if (host !== undefined) {
    const { name, isWildcard, port } = parseHostPattern(host)!;
    add('host', `var(txn.host) -m ${isWildcard ? 'end' : 'str'} -- ${quote(name)}`);
    if (port !== undefined) {
      // 0 where the request names none.
      add(
        'port',
        `req.hdr(host),port_only ${port}`,
        ...(port === 80 || port === 443 ? ['req.hdr(host),port_only 0'] : []),
      );
    }
  }
  if (typeof path === 'string') {
    if (path !== '/') {
      if (path.endsWith('/')) add('path', `path -m beg -- ${quote(path)}`);
      else add('path', `path -m str -- ${quote(path)}`, `path -m beg -- ${quote(`${path}/`)}`);
    }
  } else if (path !== undefined) {
    add('path', 'exact' in path ? `path -m str -- ${quote(path.exact)}` : `path -m reg -- ${quote(path.regex)}`);
  }
  if (methods !== undefined) add('method', ...methods.map((method) => `method -m str -- ${quote(method)}`));
  if (scheme !== undefined) add('scheme', `var(txn.scheme) -m str -- ${scheme}`);
  headers?.forEach((match, i) => {
    add(`header${i}`, valueAcl(`req.fhdr(${match.name})`, match));
  });
  query?.forEach((match, i) => {
    add(`query${i}`, valueAcl(`url_param(${match.name}),url_dec(1)`, match));
  });
  const absent = new Set([
    ...(headers ?? []).flatMap((match, i) => (isAbsent(match) ? [`${prefix}_header${i}`] : [])),
    ...(query ?? []).flatMap((match, i) => (isAbsent(match) ? [`${prefix}_query${i}`] : [])),
  ]);
  return { lines, names: names.map((name) => (absent.has(name) ? `!${name}` : name)) };
}

const isAbsent = (match: ValueMatch): boolean => 'is' in match && match.is === 'absent';

function valueAcl(sample: string, match: ValueMatch): string {
  // A name may have what ends a word, or begins a comment.
  const fetch = quote(sample);
  if ('exact' in match) {
    return match.exact === '' ? `${quote(`${sample},length`)} 0` : `${fetch} -m str -- ${quote(match.exact)}`;
  }
  if ('prefix' in match) return `${fetch} -m beg -- ${quote(match.prefix)}`;
  if ('regex' in match) return `${fetch} -m reg -- ${quote(match.regex)}`;
  return `${fetch} -m found`;
}

/** The request took route `index`. */
export const tookRoute = (index: number): string => `{ var(txn.route) -m int ${index} }`;

const FETCHES: Record<Exclude<Variable, 'listener' | 'backend'>, string> = {
  client_address: 'src',
  client_port: 'src_port',
  scheme: 'var(txn.scheme)',
  server: 'srv_name,field(1,_)',
  request_id: 'var(txn.id)',
  host: 'req.hdr(host)',
  method: 'method',
  path: 'path',
  query: `query,regsub('^(.)','?\\1')`,
};

/** A header value with variables as one word. */
export function templateWord(template: Template, listener: string, route: RouteConfig): string {
  const parts = template.map((part) => {
    if (typeof part === 'string') return literal(part);
    const { variable } = part;
    if (variable === 'listener') return literal(listener);
    if (variable === 'backend') {
      const names = backendsOf(route);
      return names.length > 1 ? '%[var(txn.backend)]' : literal(names[0] ?? '');
    }
    return `%[${FETCHES[variable]}]`;
  });
  const text = parts.join('');
  // HAProxy takes no empty word for a value; a variable that nobody sets is as empty.
  return quote(text === '' ? '%[var(txn.nothing)]' : text);
}

const quoteRegex = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Gives the request another path; what follows in the section sees that one. */
export function pathRules(change: PathChange, matched: RouteConfig['path'], condition: string): string[] {
  if ('path' in change) {
    const parts = change.path.split(/(\$[$1-9])/).map((part) => {
      if (part === '$$') return '$';
      if (/^\$[1-9]$/.test(part)) return `\\${part[1]}`;
      return literal(part).replaceAll('\\', '\\\\');
    });
    const isRegex = typeof matched === 'object' && 'regex' in matched;
    if (!isRegex) {
      const fixed = change.path.split(/(\$\$)/).map((part) => (part === '$$' ? '$' : literal(part)));
      return [`http-request set-path ${quote(fixed.join(''))} if ${condition}`];
    }
    return [
      `http-request replace-path ${quote(`^.*?(?:${matched.regex}).*$`)} ${quote(parts.join(''))} if ${condition}`,
    ];
  }
  const from = typeof matched === 'string' ? matched : '/';
  const start = from.endsWith('/') ? from.slice(0, -1) : from;
  const to = change.prefix;
  const head = to.endsWith('/') ? to.slice(0, -1) : to;
  const replace = (pattern: string, by: string): string =>
    `http-request replace-path ${quote(pattern)} ${quote(by)} if ${condition}`;
  const escaped = (text: string): string => literal(text).replaceAll('\\', '\\\\');
  // The one that stands for the prefix itself comes with a mark, so that the other does not take its result for a path of the client.
  if (from.endsWith('/')) return [replace(`^${quoteRegex(start)}(/.*)$`, `${escaped(head)}\\1`)];
  return [
    `http-request set-var(txn.path) path if ${condition}`,
    `http-request set-path ${quote(literal(to))} if ${condition} { var(txn.path) -m str -- ${quote(from)} }`,
    `${replace(`^${quoteRegex(start)}(/.*)$`, `${escaped(head)}\\1`)} !{ var(txn.path) -m str -- ${quote(from)} }`,
  ];
}

/** Where requests that took the route go. */
export function backendRules(route: RouteConfig, index: number, mode: 'http' | 'tcp'): string[] {
  if (route.backend !== undefined) return [`use_backend ${proxyName(route.backend, mode)} if ${tookRoute(index)}`];
  let sum = 0;
  return (route.split ?? []).flatMap(({ backend, weight }) => {
    if (weight === 0) return [];
    sum += weight;
    return [`use_backend ${proxyName(backend, mode)} if ${tookRoute(index)} { var(txn.part) -m int lt ${sum} }`];
  });
}

/** Draws the part of a split before anything else asks which it is. */
export function splitRules({ split }: RouteConfig, index: number): string[] {
  if (split === undefined) return [];
  const total = split.reduce((sum, { weight }) => sum + weight, 0);
  let sum = 0;
  return [
    `http-request set-var(txn.part) rand(${total}) if ${tookRoute(index)}`,
    ...split.flatMap(({ backend, weight }) => {
      if (weight === 0) return [];
      const before = sum;
      sum += weight;
      return [
        `http-request set-var(txn.backend) str(${backend}) if ${tookRoute(index)} { var(txn.part) -m int ge ${before} } { var(txn.part) -m int lt ${sum} }`,
      ];
    }),
  ];
}
