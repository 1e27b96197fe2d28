import { type Alternatives, importAcl, importCondition, type RouteConditions } from './import-conditions.ts';
import { importTime } from './import-servers.ts';
import type { CfgLine } from './read-sections.ts';

type Route = RouteConditions & Record<string, unknown>;

/** A frontend, or the front half of a `listen`. */
export interface ImportedFrontend {
  readonly binds: readonly Record<string, unknown>[];
  readonly mode: 'http' | 'tcp';
  readonly routes: readonly Route[];
  readonly defaultBackend: string | undefined;
  readonly more: Record<string, unknown>;
}

export interface ImportDeps {
  /** `isHarmless`: nothing of what is served is lost with it. */
  readonly lost: (line: CfgLine, why: string, isHarmless?: boolean) => void;
  /** The file is one that Portico has printed. */
  readonly isOwn: boolean;
  /** Throws as `fs` does. */
  readonly read: (file: string) => string;
}

/** Logging, and what Portico does by itself. */
export const QUIET =
  /^(log|log-format|log-tag|option (httplog|tcplog|dontlognull|dontlog-normal|log-health-checks|logasap|http-keep-alive|http-server-close|redispatch|allbackups|splice-\w+|tcpka|clitcpka|srvtcpka|tcp-smart-\w+|contstats|socket-stats)|unique-id-\w+|description|id|errorfile|http-errors|errorfiles|monitor-uri|stats|maxconn 0)\b/;

/** What `portico export` writes for every listener: it comes from Portico's own defaults. */
const OWN =
  /^(option idle-close-on-response|http-request (return status (404|431)|del-header (X-Forwarded-|Forwarded|Early-Data)|set-header X-Forwarded-|set-var\(txn\.(host|scheme|id|path)\))|tcp-request (inspect-delay|content accept))/;

export function importFrontend(lines: readonly CfgLine[], { lost, isOwn, read }: ImportDeps): ImportedFrontend {
  const mode = (lines.findLast(({ words }) => words[0] === 'mode')?.words[1] ?? 'tcp') as 'http' | 'tcp';
  const acls = new Map<string, Alternatives>();
  const binds: Record<string, unknown>[] = [];
  const first: Route[] = [];
  const routes: Route[] = [];
  const numbered = new Map<string, Alternatives>();
  const timeouts: Record<string, unknown> = {};
  const limits: Record<string, unknown> = {};
  let defaultBackend: string | undefined;
  let forwardsFor = false;
  const add = (to: Route[], line: CfgLine, condition: readonly string[], target: Record<string, unknown>): void => {
    const [how, ...words] = condition;
    const found = how === undefined ? [{}] : how === 'if' ? importCondition(words, acls, mode) : undefined;
    if (found === undefined) lost(line, 'its condition has no counterpart in routes');
    else to.push(...found.map((each) => ({ ...each, ...target })));
  };
  for (const line of lines) {
    const [word = '', ...rest] = line.words;
    const whole = line.words.join(' ');
    if (isOwn && OWN.test(whole)) continue;
    switch (word) {
      case 'mode':
        if (rest[0] !== 'http' && rest[0] !== 'tcp') lost(line, 'Portico knows the modes http and tcp');
        break;
      case 'bind':
        binds.push(...importBind(line, lost, isOwn, read));
        break;
      case 'acl': {
        const [name = '', ...test] = rest;
        const next = importAcl(test, mode);
        if (next === undefined)
          lost(line, 'routes ask for host, path, method and scheme, and nothing else is taken over');
        const known = acls.has(name) ? acls.get(name) : [];
        acls.set(name, known === undefined || next === undefined ? undefined : either(known, next));
        break;
      }
      case 'default_backend':
        defaultBackend = rest[0];
        break;
      case 'use_backend': {
        const own = /\{ var\(txn\.route\) -m int (\d+) \}$/.exec(whole)?.[1];
        if (isOwn && own !== undefined && rest.length === 8) {
          const found = numbered.get(own);
          if (found !== undefined) routes.push(...found.map((each) => ({ ...each, backend: rest[0] })));
        } else if (rest[0]?.includes('%') === true) lost(line, 'the name of the backend is made at run time');
        else add(routes, line, rest.slice(1), { backend: rest[0] });
        break;
      }
      case 'redirect':
        if (!importRedirect(rest, (condition, target) => add(first, line, condition, target))) {
          lost(line, 'only "redirect scheme" is taken over');
        }
        break;
      case 'http-request': {
        const own = /^set-var\(txn\.route\) int\((\d+)\)/.exec(rest.join(' '))?.[1];
        if (isOwn && own !== undefined) {
          const condition = rest.slice(3);
          const start = condition[0] === '!{' ? condition.indexOf('}') + 1 : 0;
          const found = importCondition(condition.slice(start), acls, mode);
          if (found === undefined) lost(line, 'its condition has no counterpart in routes');
          numbered.set(own, found);
        } else if (rest[0] === 'redirect') {
          if (!importRedirect(rest.slice(1), (condition, target) => add(first, line, condition, target))) {
            lost(line, 'only "redirect scheme" is taken over');
          }
        } else if (rest[0] === 'deny') {
          const status = rest[1] === 'deny_status' ? Number(rest[2]) : 403;
          add(first, line, rest.slice(rest[1] === 'deny_status' ? 3 : 1), { answer: { status } });
        } else lost(line, 'this rule has no counterpart; see request_headers, rewrite and answer of routes');
        break;
      }
      case 'timeout':
        importTimeout(rest, mode, timeouts, () => lost(line, 'not a time that Portico can keep'));
        break;
      case 'maxconn':
        if (Number(rest[0]) > 0) limits.connections = Number(rest[0]);
        break;
      case 'option':
        if (rest[0] === 'forwardfor') {
          forwardsFor = true;
          if (rest.length > 1) lost(line, 'of "option forwardfor" the plain form is taken over');
        } else if (!QUIET.test(whole) && !BACKEND_OPTIONS.has(rest[0] ?? ''))
          lost(line, 'this option has no counterpart');
        else if (QUIET.test(whole)) lost(line, 'Portico has its own', true);
        break;
      default:
        if (QUIET.test(whole)) lost(line, 'Portico has its own', true);
        else if (!BACKEND_WORDS.has(word)) lost(line, `"${word}" has no counterpart`);
    }
  }
  return {
    binds,
    mode,
    routes: [...first, ...routes],
    defaultBackend,
    more: {
      ...(mode === 'http' && !forwardsFor && !isOwn ? { forwarded: 'none' } : {}),
      ...(Object.keys(timeouts).length === 0 ? {} : { timeouts }),
      ...(Object.keys(limits).length === 0 ? {} : { limits }),
    },
  };
}

/** Methods are one list; anything else is another route. */
function either(known: readonly RouteConditions[], next: readonly RouteConditions[]): readonly RouteConditions[] {
  const [before, after] = [known[0]?.methods, next[0]?.methods];
  return before !== undefined && after !== undefined ? [{ methods: [...before, ...after] }] : [...known, ...next];
}

/** What a `defaults` or a `listen` has for its other half. */
const BACKEND_OPTIONS = new Set([
  'httpchk',
  'tcp-check',
  'ssl-hello-chk',
  'mysql-check',
  'redis-check',
  'smtpchk',
  'pgsql-check',
  'ldap-check',
  'external-check',
  'prefer-last-server',
  'persist',
  'nolinger',
  'abortonclose',
  'checkcache',
]);
const BACKEND_WORDS = new Set(
  'balance hash-type hash-balance-factor server default-server server-template cookie retries retry-on http-check tcp-check stick stick-table fullconn source http-reuse load-server-state-from-file'.split(
    ' ',
  ),
);
/** What a `defaults` or a `listen` has for its front half. */
export const FRONTEND_WORDS = new Set('bind acl use_backend default_backend maxconn redirect mode'.split(' '));

function importTimeout(
  [which = '', value]: readonly string[],
  mode: 'http' | 'tcp',
  timeouts: Record<string, unknown>,
  lost: () => void,
): void {
  const key = {
    client: mode === 'http' ? 'idle' : 'tcp_idle',
    'http-request': 'header',
    'http-keep-alive': 'idle',
    tunnel: mode === 'http' ? 'websocket_idle' : 'tcp_idle',
  }[which];
  if (key === undefined) {
    if (!['connect', 'server', 'queue', 'check', 'client-fin', 'server-fin', 'tarpit'].includes(which)) lost();
    return;
  }
  const time = importTime(value);
  if (time === undefined) lost();
  else timeouts[key] = time;
}

function importRedirect(
  words: readonly string[],
  take: (condition: readonly string[], target: Record<string, unknown>) => void,
): boolean {
  if (words[0] !== 'scheme' || (words[1] !== 'https' && words[1] !== 'http')) return false;
  const coded = words[2] === 'code';
  take(words.slice(coded ? 4 : 2), { redirect: { scheme: words[1], status: coded ? Number(words[3]) : 302 } });
  return true;
}

function importBind(
  line: CfgLine,
  lost: ImportDeps['lost'],
  isOwn: boolean,
  read: ImportDeps['read'],
): Record<string, unknown>[] {
  const [, places = '', ...options] = line.words;
  const certificates: Record<string, unknown>[] = [];
  const tls: Record<string, unknown> = {};
  const auth: Record<string, unknown> = {};
  let isTls = false;
  for (let i = 0; i < options.length; i++) {
    const option = options[i]!;
    const value = (): string => options[++i] ?? '';
    if (option === 'ssl') isTls = true;
    else if (option === 'crt') {
      const file = value();
      if (file.endsWith('/')) lost(line, `which certificates are in the folder ${file} is not looked up; name them`);
      else certificates.push({ cert: file, key: file });
    } else if (option === 'crt-list') {
      const file = value();
      try {
        certificates.push(...read(file).split('\n').flatMap(certificateOf));
      } catch {
        lost(line, `the list ${file} cannot be read; name its certificates`);
      }
    } else if (option === 'alpn') tls.alpn = value().split(',');
    else if (option === 'ssl-min-ver') tls.min_version = value().replace('TLSv', '');
    else if (option === 'ca-file') auth.ca = value();
    else if (option === 'verify') {
      const how = value();
      if (how === 'none') delete auth.ca;
      else auth.mode = how === 'optional' ? 'request' : 'require';
    } else if (['ciphers', 'ciphersuites', 'curves', 'ecdhe'].includes(option)) {
      value();
      if (!isOwn) lost(line, `"${option}": Portico has the lists that Mozilla publishes ("ciphers")`);
    } else if (option === 'name' || option === 'id') value();
    else if (!['v4v6', 'no-sslv3', 'no-tlsv10', 'no-tlsv11', 'no-tls-tickets', 'tfo'].includes(option)) {
      lost(
        line,
        `"${option}" of a bind has no counterpart${option === 'accept-proxy' ? '; see proxy_protocol and trusted_proxies' : ''}`,
      );
      if (options[i + 1] !== undefined && !/^[a-z]+(-[a-z]+)*$/.test(options[i + 1]!)) i++;
    }
  }
  if (auth.ca !== undefined) tls.client_auth = auth;
  return places.split(',').flatMap((place) => {
    const match = /^(?:ipv[46]@)?(\*|\[[0-9a-fA-F:.]+\]|[0-9.]+|::)?:(\d{1,5})$/.exec(place);
    if (match === null) {
      lost(line, `"${place}" is no address with one port`);
      return [];
    }
    const host = match[1] === '*' || match[1] === undefined ? '0.0.0.0' : match[1] === '::' ? '[::]' : match[1];
    return [{ bind: `${host}:${match[2]}`, ...(isTls ? { tls: { certificates, ...tls } } : {}) }];
  });
}

/** A line of a crt-list: a file, settings in brackets, names. */
function certificateOf(text: string): Record<string, unknown>[] {
  const [file = '', ...names] = text
    .replace(/\[[^\]]*\]/, ' ')
    .trim()
    .split(/\s+/);
  if (file === '' || file.startsWith('#')) return [];
  const hosts = names.filter((name) => !name.startsWith('!'));
  return [{ cert: file, key: file, ...(hosts.length === 0 ? {} : { hosts }) }];
}
