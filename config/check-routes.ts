import { describePath, type Finding, misspelt, type Path } from './finding.ts';
import { haproxyMode } from './haproxy-mode.ts';
import { hostFault } from './host-pattern.ts';
import { regexFault } from './regex.ts';
import { ANSWER_VARIABLES, REQUEST_VARIABLES } from './route-config.ts';
import type { ConfigFile } from './schema.ts';
import { variablesIn } from './template.ts';

type FileListener = ConfigFile['listeners'][number];
type FileRoute = NonNullable<FileListener['routes']>[number];
type FileEdits = NonNullable<FileRoute['request_headers']>;
type Report = (path: Path, message: string) => void;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Not even obs-text: it would leave as other bytes than it was written in. */
const FIELD_VALUE = /^[\t\x20-\x7e]*$/;
/** They delimit messages and connections, which is Portico's own business. */
const FRAMING = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const HTTP_KEYS = [
  'access_log',
  'trusted_proxies',
  'forwarded',
  'via',
  'request_id',
  'request_headers',
  'response_headers',
] as const;
/** More HTTP in a tunnel would pass every rule by. */
const OF_HTTP = /^(h2c?|http)(\/|$)/i;
const TARGETS = ['backend', 'split', 'redirect', 'answer'] as const;

/** What a schema cannot say of routes: patterns, header fields, and keys that exclude or need each other. */
export function checkRoutes(file: ConfigFile): Finding[] {
  const findings: Finding[] = [];
  const report: Report = (path, message) => void findings.push({ path, message });
  file.listeners.forEach((listener, i) => {
    const at = ['listeners', i];
    for (const key of HTTP_KEYS) {
      // They send PROXY headers as well.
      if (key === 'trusted_proxies' && listener.proxy_protocol === true) continue;
      if (!speaksHttp(listener, key) && listener[key] !== undefined) {
        report([...at, key], `"${key}" is for the http engine; remove it`);
      }
    }
    checkEdits(listener, at, findings);
    listener.routes?.forEach((route, k) => {
      const here = [...at, 'routes', k];
      checkConditions(route, here, report);
      checkTarget(route, here, report);
      checkPathChanges(route, here, report);
      checkEdits(route, here, findings);
    });
  });
  return findings;
}

/** HAProxy writes no log files of its own. */
function speaksHttp(listener: FileListener, key: string): boolean {
  if (listener.engine === 'haproxy') return haproxyMode(listener) === 'http' && key !== 'access_log';
  return (listener.engine ?? 'http') === 'http';
}

function checkConditions({ host, path, headers, query }: FileRoute, at: Path, report: Report): void {
  const fault = host === undefined ? undefined : hostFault(host);
  if (fault !== undefined) report([...at, 'host'], fault);
  if (typeof path === 'object' && 'regex' in path) checkRegex(path.regex, [...at, 'path', 'regex'], report);
  for (const [key, matches] of [['headers', headers] as const, ['query', query] as const]) {
    matches?.forEach((match, i) => {
      const here = [...at, key, i];
      if (key === 'headers' && !TOKEN.test(match.name)) {
        report([...here, 'name'], `"${match.name}" is not the name of a header field`);
      }
      const given = (['present', 'exact', 'prefix', 'regex'] as const).filter((how) => match[how] !== undefined);
      if (given.length > 1) report(here, `${describePath(here)} has "${given.join('" and "')}"; give one of them`);
      if (match.regex !== undefined) checkRegex(match.regex, [...here, 'regex'], report);
    });
  }
}

function checkRegex(pattern: string, path: Path, report: Report): void {
  const fault = regexFault(pattern);
  if (fault !== undefined) {
    report(path, `"${pattern}" is not a pattern of RE2 (https://github.com/google/re2/wiki/Syntax): ${fault}`);
  }
}

function checkTarget(route: FileRoute, at: Path, report: Report): void {
  const given = TARGETS.filter((key) => route[key] !== undefined);
  if (given.length !== 1) {
    report(at, `${describePath(at)} needs one of "backend", "split", "redirect" or "answer"`);
    return;
  }
  if (route.split?.every(({ weight }) => weight === 0)) {
    report([...at, 'split'], `${describePath([...at, 'split'])} gives no backend a weight above 0`);
  }
  const isLocal = given[0] === 'redirect' || given[0] === 'answer';
  for (const key of ['rewrite', 'mirror', 'request_headers', 'upgrades'] as const) {
    if (isLocal && route[key] !== undefined) {
      report([...at, key], `nothing goes to a server on this route; remove "${key}"`);
    }
  }
  route.upgrades?.forEach((protocol, i) => {
    if (!OF_HTTP.test(protocol)) return;
    report(
      [...at, 'upgrades', i],
      `after a switch to "${protocol}" a client could ask for what no route allows; remove it, or use "engine: haproxy" for HTTP/2`,
    );
  });
  const { redirect } = route;
  if (redirect === undefined) return;
  const keys = ['scheme', 'host', 'port', 'path', 'prefix'] as const;
  if (keys.every((key) => redirect[key] === undefined)) {
    report(
      [...at, 'redirect'],
      `a redirect to the same place never ends; give "scheme", "host", "port", "path" or "prefix"`,
    );
  }
  const fault = redirect.host === undefined ? undefined : hostFault(redirect.host, { isPattern: false });
  if (fault !== undefined) report([...at, 'redirect', 'host'], fault);
}

function checkPathChanges({ path, rewrite, redirect }: FileRoute, at: Path, report: Report): void {
  for (const [key, change] of [['rewrite', rewrite] as const, ['redirect', redirect] as const]) {
    if (change === undefined) continue;
    const here = [...at, key];
    if (change.path !== undefined && change.prefix !== undefined) {
      report(here, `${describePath(here)} has both "path" and "prefix"; give one of them`);
    }
    if (change.prefix !== undefined && typeof path === 'object') {
      report([...here, 'prefix'], 'there is no prefix to replace: the route’s "path" is not one; use "path" here');
    }
    for (const name of ['path', 'prefix'] as const) {
      const text = change[name];
      if (text !== undefined && !/^[!-~]*$/.test(text)) {
        report([...here, name], `"${text}" cannot stand in a request; percent-encode what is not printable ASCII`);
      }
      if (text?.includes('?') === true || text?.includes('#') === true) {
        report([...here, name], `"${text}" is more than a path; a query is kept or dropped, not written`);
      }
    }
    const groups = [...(change.path ?? '').matchAll(/\$(\$|[1-9]?)/g)].map((match) => match[1]!);
    if (groups.includes(''))
      report([...here, 'path'], `"${change.path}" has a "$" that is not $1 to $9; write "$$" for "$"`);
    else if (groups.some((group) => group !== '$') && !(typeof path === 'object' && 'regex' in path)) {
      report([...here, 'path'], `"${change.path}" takes groups of a pattern; give the route a "path: { regex: … }"`);
    }
  }
  const fault = rewrite?.host === undefined ? undefined : hostFault(rewrite.host, { isPattern: false });
  if (fault !== undefined) report([...at, 'rewrite', 'host'], fault);
}

function checkEdits(
  of: { readonly request_headers?: FileEdits; readonly response_headers?: FileEdits },
  at: Path,
  findings: Finding[],
): void {
  for (const side of ['request_headers', 'response_headers'] as const) {
    const edits = of[side];
    if (edits === undefined) continue;
    const known: readonly string[] = side === 'request_headers' ? REQUEST_VARIABLES : ANSWER_VARIABLES;
    edits.remove?.forEach((name, i) => {
      checkName(name, [...at, side, 'remove', i], findings);
    });
    for (const how of ['set', 'add'] as const) {
      for (const [name, value] of Object.entries(edits[how] ?? {})) {
        const here = [...at, side, how, name];
        checkName(name, here, findings);
        const text = String(value);
        if (!FIELD_VALUE.test(text)) {
          findings.push({ path: here, message: `the value of "${name}" holds what is not printable ASCII` });
        }
        for (const variable of variablesIn(text)) {
          if (known.includes(variable)) continue;
          const message = `there is no {${variable}} in ${side}; there are {${known.join('}, {')}}`;
          findings.push(misspelt({ path: here, message }, variable, known));
        }
      }
    }
  }
}

function checkName(name: string, path: Path, findings: Finding[]): void {
  const lower = name.toLowerCase();
  if (!TOKEN.test(name)) findings.push({ path, message: `"${name}" is not the name of a header field` });
  else if (FRAMING.has(lower)) {
    findings.push({ path, message: `"${name}" delimits messages or connections, and is left to Portico` });
  } else if (lower === 'host') {
    findings.push({ path, message: 'the host is changed by "rewrite: { host: … }" of a route' });
  }
}
