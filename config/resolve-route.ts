import { hstsEdits } from './resolve-tls.ts';
import type { HeaderEdits, PathChange, RouteConfig, ValueMatch } from './route-config.ts';
import type { ConfigFile } from './schema.ts';
import { parseTemplate } from './template.ts';

type FileRoute = NonNullable<ConfigFile['listeners'][number]['routes']>[number];
type FileEdits = NonNullable<FileRoute['request_headers']>;
type FileMatch = NonNullable<FileRoute['query']>[number];

/** The header changes of a listener, which go before those of each of its routes. */
export interface ListenerEdits {
  readonly request_headers?: FileEdits | undefined;
  readonly response_headers?: FileEdits | undefined;
  readonly tls?: ConfigFile['listeners'][number]['tls'] | undefined;
}

/** What a valid route stands for. */
export function resolveRoute(route: FileRoute, listener: ListenerEdits): RouteConfig {
  const { host, path, methods, scheme, headers, query, backend, split, redirect, answer, rewrite, mirror } = route;
  const requestHeaders = resolveEdits(listener.request_headers, route.request_headers);
  const responseHeaders = resolveEdits(hstsEdits(listener.tls), listener.response_headers, route.response_headers);
  return {
    ...(host === undefined ? {} : { host: host.toLowerCase() }),
    ...(path === undefined ? {} : { path }),
    ...(methods === undefined ? {} : { methods }),
    ...(scheme === undefined ? {} : { scheme }),
    ...(headers === undefined
      ? {}
      : { headers: headers.map((match) => resolveMatch({ ...match, name: match.name.toLowerCase() })) }),
    ...(query === undefined ? {} : { query: query.map(resolveMatch) }),
    ...(backend === undefined ? {} : { backend }),
    ...(split === undefined ? {} : { split }),
    ...(redirect === undefined
      ? {}
      : {
          redirect: {
            ...(redirect.scheme === undefined ? {} : { scheme: redirect.scheme }),
            ...(redirect.host === undefined ? {} : { host: redirect.host }),
            ...(redirect.port === undefined ? {} : { port: redirect.port }),
            ...resolveChange(redirect),
            keepsQuery: redirect.query !== 'drop',
            status: redirect.status ?? 308,
          },
        }),
    ...(answer === undefined
      ? {}
      : {
          answer: {
            status: answer.status ?? 200,
            body: answer.body ?? '',
            contentType: answer.content_type ?? 'text/plain; charset=utf-8',
          },
        }),
    ...(rewrite === undefined
      ? {}
      : {
          rewrite: { ...(rewrite.host === undefined ? {} : { host: rewrite.host }), ...resolveChange(rewrite) },
        }),
    ...(requestHeaders === undefined ? {} : { requestHeaders }),
    ...(responseHeaders === undefined ? {} : { responseHeaders }),
    ...(route.upgrades === undefined ? {} : { upgrades: route.upgrades.map((protocol) => protocol.toLowerCase()) }),
    ...(route.early_data === true ? { takesEarlyData: true } : {}),
    ...(mirror === undefined ? {} : { mirror: { backend: mirror.backend, percent: mirror.percent ?? 100 } }),
  };
}

function resolveChange({ path, prefix }: { path?: string | undefined; prefix?: string | undefined }): {
  change?: PathChange;
} {
  if (path !== undefined) return { change: { path } };
  return prefix === undefined ? {} : { change: { prefix } };
}

function resolveMatch({ name, present, exact, prefix, regex }: FileMatch): ValueMatch {
  if (exact !== undefined) return { name, exact };
  if (prefix !== undefined) return { name, prefix };
  if (regex !== undefined) return { name, regex };
  return { name, is: present === false ? 'absent' : 'present' };
}

function resolveEdits(...edits: readonly (FileEdits | undefined)[]): HeaderEdits | undefined {
  const given = edits.filter((each) => each !== undefined);
  if (given.length === 0) return undefined;
  const fields = (values: FileEdits['set']) =>
    Object.entries(values ?? {}).map(([name, value]) => ({ name, value: parseTemplate(String(value)) }));
  // What a route says of a field stands for what its listener says.
  const own = given.length > 1 ? given.at(-1) : undefined;
  const settled = new Set(Object.keys(own?.set ?? {}).map((name) => name.toLowerCase()));
  for (const name of own?.remove ?? []) settled.add(name.toLowerCase());
  const isOpen = ({ name }: { readonly name: string }): boolean => !settled.has(name.toLowerCase());
  const outer = own === undefined ? [] : given.slice(0, -1);
  const last = own ?? given[0]!;
  return {
    remove: given.flatMap(({ remove }) => (remove ?? []).map((name) => name.toLowerCase())),
    set: [...outer.flatMap(({ set }) => fields(set)).filter(isOpen), ...fields(last.set)],
    add: [...outer.flatMap(({ add }) => fields(add)).filter(isOpen), ...fields(last.add)],
  };
}
