/** Conditions of one route, as `portico.yaml` has them. */
export interface RouteConditions {
  host?: string;
  path?: string | { exact: string } | { regex: string };
  methods?: string[];
  scheme?: 'http' | 'https';
}

/** Alternatives; undefined: it has no counterpart. */
export type Alternatives = readonly RouteConditions[] | undefined;

const MOST = 64;

/** What one ACL asks for: a fetch with flags and patterns. */
export function importAcl(words: readonly string[], mode: 'http' | 'tcp'): Alternatives {
  const [given = '', ...rest] = words;
  const flags: string[] = [];
  let match: string | undefined;
  let i = 0;
  for (; i < rest.length && rest[i]!.startsWith('-'); i++) {
    if (rest[i] === '--') {
      i++;
      break;
    }
    if (rest[i] === '-m') match = rest[++i];
    else flags.push(rest[i]!);
  }
  if (flags.some((flag) => flag !== '-i')) return undefined;
  const patterns = rest.slice(i);
  const isBlind = flags.includes('-i');
  const [, fetch = given, suffix] = /^(.*)_(beg|end|reg|dom|sub|dir|len)$/.exec(given) ?? [];
  const how = match ?? suffix ?? 'str';
  const plain = fetch.toLowerCase();
  if (mode === 'tcp') {
    if (!/^(req\.ssl_sni|req_ssl_sni|ssl_fc_sni)(,lower)?$/.test(plain)) return undefined;
    return all(patterns, (pattern) => hostOf(pattern, how));
  }
  if (plain === 'ssl_fc' && patterns.length === 0) return [{ scheme: 'https' }];
  if (/^((req\.)?hdr\((host|:authority)\)(,.*)?|var\(txn\.host\))$/.test(plain)) {
    return all(patterns, (pattern) => hostOf(pattern, how));
  }
  // Patterns of paths that do not tell case apart have no counterpart.
  if (plain === 'path' && !isBlind) return all(patterns, (pattern) => pathOf(pattern, how));
  if (plain === 'method' && how === 'str') return patterns.length === 0 ? undefined : [{ methods: [...patterns] }];
  if (plain === 'var(txn.scheme)') {
    return all(patterns, (pattern) => (pattern === 'https' || pattern === 'http' ? { scheme: pattern } : undefined));
  }
  return undefined;
}

function all(patterns: readonly string[], read: (pattern: string) => RouteConditions | undefined): Alternatives {
  const found = patterns.map(read);
  return found.length === 0 || found.includes(undefined) ? undefined : (found as RouteConditions[]);
}

function hostOf(pattern: string, how: string): RouteConditions | undefined {
  const name = pattern.toLowerCase();
  if (how === 'str') return { host: name };
  return how === 'end' && /^\.[a-z0-9]/.test(name) ? { host: `*${name}` } : undefined;
}

function pathOf(pattern: string, how: string): RouteConditions | undefined {
  if (!pattern.startsWith('/') && how !== 'reg') return undefined;
  switch (how) {
    case 'beg':
      // A prefix of ours ends with a segment.
      return { path: pattern.endsWith('/') ? pattern : { regex: `^${quoteRegex(pattern)}` } };
    case 'str':
      return { path: { exact: pattern } };
    case 'reg':
      return { path: { regex: pattern } };
    default:
      return undefined;
  }
}

const quoteRegex = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A condition as it stands after `if`: ACLs that all must hold, `or` between alternatives, anonymous ones in braces. */
export function importCondition(
  words: readonly string[],
  acls: ReadonlyMap<string, Alternatives>,
  mode: 'http' | 'tcp',
): Alternatives {
  const result: RouteConditions[] = [];
  let current: Alternatives = [{}];
  const and = (next: Alternatives): void => {
    current = current === undefined || next === undefined ? undefined : merge(current, next);
  };
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === 'or' || word === '||') {
      if (current === undefined) return undefined;
      result.push(...current);
      current = [{}];
    } else if (word === '{') {
      const end = words.indexOf('}', i);
      if (end < 0) return undefined;
      and(importAcl(words.slice(i + 1, end), mode));
      i = end;
    } else if (word === '!{' || (word.startsWith('!') && word !== '!')) {
      const isTls = word === '!{' && words[i + 1] === 'ssl_fc' && words[i + 2] === '}';
      if (!isTls) return undefined;
      and([{ scheme: 'http' }]);
      i += 2;
    } else and(acls.get(word));
    if (current === undefined) return undefined;
  }
  const whole = [...result, ...current];
  return whole.length > MOST ? undefined : whole;
}

/** Both must hold; undefined where one route cannot ask for both. */
function merge(a: readonly RouteConditions[], b: readonly RouteConditions[]): Alternatives {
  if (a.length * b.length > MOST) return undefined;
  const merged = a.flatMap((one) => b.map((other) => ({ one, other })));
  if (merged.some(({ one, other }) => Object.keys(one).some((key) => key in other))) return undefined;
  return merged.map(({ one, other }) => ({ ...one, ...other }));
}
