/** A condition on one header field or query parameter. `name` of a field in lower case. */
export type ValueMatch = { readonly name: string } & (
  | { readonly is: 'present' | 'absent' }
  | { readonly exact: string }
  | { readonly prefix: string }
  | { readonly regex: string }
);

/** Text with variables in it, in order. */
export type Template = readonly (string | { readonly variable: Variable })[];

/** What a header value can name in braces. Those from `host` on belong to the request and are not there any more when the answer comes. */
export const ANSWER_VARIABLES = [
  'client_address',
  'client_port',
  'scheme',
  'listener',
  'backend',
  'server',
  'request_id',
] as const;
export const REQUEST_VARIABLES = [
  'client_address',
  'client_port',
  'scheme',
  'listener',
  'backend',
  'request_id',
  'host',
  'method',
  'path',
  'query',
] as const;
export type Variable = (typeof ANSWER_VARIABLES)[number] | (typeof REQUEST_VARIABLES)[number];

export interface HeaderField {
  readonly name: string;
  readonly value: Template;
}

/** Changes to the fields of one head, in the order remove, set, add. */
export interface HeaderEdits {
  /** Names in lower case. */
  readonly remove: readonly string[];
  readonly set: readonly HeaderField[];
  readonly add: readonly HeaderField[];
}

/** A path instead of the whole one (`$1` to `$9` are groups of the route's regex, `$$` is `$`), or instead of the matched prefix. */
export type PathChange = { readonly path: string } | { readonly prefix: string };

export interface RedirectConfig {
  readonly scheme?: 'http' | 'https';
  readonly host?: string;
  readonly port?: number;
  readonly change?: PathChange;
  readonly keepsQuery: boolean;
  readonly status: number;
}

export interface FixedAnswerConfig {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
}

/** Conditions, all of which must hold; exactly one of `backend`, `split`, `redirect` and `answer`; and changes on the way. */
export interface RouteConfig {
  /** Lower case, with a port or without. Absent: every host. */
  readonly host?: string;
  /** Text: a prefix of the path, matched on whole segments when it ends in `/`. Absent: every path. */
  readonly path?: string | { readonly exact: string } | { readonly regex: string };
  readonly methods?: readonly string[];
  readonly scheme?: 'http' | 'https';
  readonly headers?: readonly ValueMatch[];
  readonly query?: readonly ValueMatch[];
  readonly backend?: string;
  readonly split?: readonly { readonly backend: string; readonly weight: number }[];
  readonly redirect?: RedirectConfig;
  readonly answer?: FixedAnswerConfig;
  readonly rewrite?: { readonly host?: string; readonly change?: PathChange };
  readonly requestHeaders?: HeaderEdits;
  readonly responseHeaders?: HeaderEdits;
  readonly mirror?: { readonly backend: string; readonly percent: number };
  /** Protocols besides WebSocket that servers may switch to (`Upgrade`), in lower case. */
  readonly upgrades?: readonly string[];
  /** Requests may come as TLS early data, which somebody may have sent before. */
  readonly takesEarlyData?: boolean;
}

/** Backends that requests of this route are answered by. */
export function backendsOf({ backend, split }: RouteConfig): readonly string[] {
  return backend !== undefined ? [backend] : (split ?? []).map((part) => part.backend);
}

/** No condition at all. */
export function takesEverything({ host, path, methods, scheme, headers, query }: RouteConfig): boolean {
  return (
    host === undefined && (path === undefined || path === '/') && (methods ?? scheme ?? headers ?? query) === undefined
  );
}
