import { FRONTEND_WORDS, type ImportDeps, QUIET } from './import-frontend.ts';
import { type ImportedServer, importServer, importTime } from './import-servers.ts';
import type { CfgLine } from './read-sections.ts';

/** A backend, or the back half of a `listen`. */
export interface ImportedBackend {
  /** But for servers, source and what comes from its servers. */
  readonly file: Record<string, unknown>;
  readonly servers: readonly ImportedServer[];
  /** How its servers are checked, where they are. */
  readonly health: Record<string, unknown>;
  readonly source: string | undefined;
}

const BALANCE: Readonly<Record<string, string>> = {
  roundrobin: 'round-robin',
  'static-rr': 'round-robin',
  leastconn: 'least-connections',
  random: 'random-two',
};
const RETRY_ON: Readonly<Record<string, string>> = {
  'conn-failure': 'connect',
  'empty-response': 'closed',
  'junk-response': 'bad-answer',
  'response-timeout': 'timeout',
};
const OWN =
  /^(http-reuse safe|http-request disable-l7-retry|option (redispatch|allbackups)|load-server-state-from-file)/;

export function importBackend(lines: readonly CfgLine[], { lost, isOwn }: ImportDeps): ImportedBackend {
  const mode = lines.findLast(({ words }) => words[0] === 'mode')?.words[1] ?? 'tcp';
  // What HAProxy does where nothing is said, as far as it differs.
  const file: Record<string, unknown> = { balance: 'round-robin', retries: 3 };
  const timeouts: Record<string, unknown> = {};
  const health: Record<string, unknown> = {};
  const servers: ImportedServer[] = [];
  let defaults: string[] = [];
  let source: string | undefined;
  for (const line of lines) {
    const [word = '', ...rest] = line.words;
    const whole = line.words.join(' ');
    if (isOwn && OWN.test(whole)) continue;
    switch (word) {
      case 'balance': {
        const policy = (rest[0] ?? '').replace(/\(.*/, '');
        const named = /^(?:hdr\(([^)]+)\))$/.exec(rest[0] ?? '')?.[1];
        const cookie = rest[0] === 'hash' ? /^req\.cook\(([^)]+)\)$/.exec(rest[1] ?? '')?.[1] : undefined;
        if (policy === 'source') Object.assign(file, { balance: 'hash', hash: 'client' });
        else if (named !== undefined) Object.assign(file, { balance: 'hash', hash: { header: named } });
        else if (cookie !== undefined) Object.assign(file, { balance: 'hash', hash: { cookie } });
        else if (BALANCE[policy] !== undefined) file.balance = BALANCE[policy];
        else lost(line, `"balance ${rest[0] ?? ''}" has no counterpart; round-robin is used`);
        break;
      }
      case 'hash-type':
        if (rest[0] !== 'consistent') lost(line, 'hashing is always consistent', true);
        break;
      case 'hash-balance-factor':
        file.hash_balance_factor = Number(rest[0]);
        break;
      case 'default-server':
        defaults = [...defaults, ...rest];
        break;
      case 'server': {
        const server = importServer(line, defaults, (why) => lost(line, why), isOwn);
        if (server !== undefined) servers.push(server);
        break;
      }
      case 'cookie':
        if (rest.includes('insert')) {
          file.sticky = { cookie: rest[0], ...(rest.includes('secure') ? { secure: true } : {}) };
        } else lost(line, 'of cookies those are taken over that HAProxy inserts');
        break;
      case 'retries':
        file.retries = Math.min(10, Number(rest[0]) || 0);
        break;
      case 'retry-on': {
        const on = rest.flatMap((each) => RETRY_ON[each] ?? []);
        const status = rest.filter((each) => /^\d{3}$/.test(each));
        if (on.length + status.length < rest.length && rest[0] !== 'none')
          lost(line, 'not every one of these is known');
        if (rest[0] === 'none') file.retries = 0;
        else file.retry = { on, ...(status.length === 0 ? {} : { status: status.join(',') }) };
        break;
      }
      case 'timeout': {
        const key = { connect: 'connect', server: 'response' }[rest[0] ?? ''];
        const time = importTime(rest[1]);
        if (key !== undefined && time !== undefined) {
          // Of a relayed connection it is the client's that counts.
          if (!(mode === 'tcp' && key === 'response')) timeouts[key] = time;
        } else if (rest[0] === 'check' && time !== undefined) health.timeout = time;
        else if (!['client', 'http-request', 'http-keep-alive', 'queue', 'tunnel'].includes(rest[0] ?? '')) {
          lost(line, 'this time-out has no counterpart');
        } else if (rest[0] === 'queue' && !isOwn) lost(line, 'see "exhaustion.timeout" of source pools, and "queue"');
        break;
      }
      case 'option':
        if (rest[0] === 'httpchk') importHttpCheck(rest.slice(1), health);
        else if (QUIET.test(whole)) lost(line, 'Portico has its own', true);
        else if (rest[0] !== 'forwardfor' && rest[0] !== 'prefer-last-server')
          lost(line, 'this option has no counterpart');
        break;
      case 'http-check':
        importCheckRule(rest, health, isOwn, (why) => lost(line, why));
        break;
      case 'source':
        source = rest[0]?.replace(/:0$/, '');
        break;
      default:
        if (QUIET.test(whole)) lost(line, 'Portico has its own', true);
        else if (!FRONTEND_WORDS.has(word)) lost(line, `"${word}" has no counterpart in a backend`);
    }
  }
  if (mode === 'tcp') for (const key of ['retry', 'sticky']) delete file[key];
  return { file: { ...file, ...(Object.keys(timeouts).length === 0 ? {} : { timeouts }) }, servers, health, source };
}

function importHttpCheck([a, b]: readonly string[], health: Record<string, unknown>): void {
  // HAProxy asks with OPTIONS, and takes 2xx and 3xx.
  health.method ??= b === undefined ? 'OPTIONS' : a!;
  health.path ??= b ?? a ?? '/';
  health.status ??= '200-399';
}

function importCheckRule(
  [what, ...words]: readonly string[],
  health: Record<string, unknown>,
  isOwn: boolean,
  lost: (why: string) => void,
): void {
  if (what === 'send') {
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!;
      if (word === 'meth') health.method = words[++i];
      else if (word === 'uri') health.path = words[++i];
      else if (word === 'ver') i++;
      else if (word === 'hdr') {
        const [name = '', value = ''] = [words[++i], words[++i]];
        if (name.toLowerCase() !== 'host') {
          if (!isOwn) lost(`of the fields of a check only Host is taken over`);
        } else if (value !== '%[srv_name]') health.host = value.replaceAll('%%', '%');
      } else lost(`"${word}" of a check has no counterpart`);
    }
  } else if (what === 'expect' && words[0] === 'status') health.status = words[1];
  else if (what === 'expect' && words[0] === 'string') health.body = words[1];
  else lost('this part of checks has no counterpart');
}
