import type { BackendConfig, SourcePoolConfig } from '../../config/config.ts';
import type { HaproxyBackend } from './haproxy-plan.ts';
import { literal, quote } from './quote.ts';
import { type CheckLine, checkWords, type ServerLine, serverWords } from './server-lines.ts';
import type { TlsPlaces } from './tls-files.ts';

/** HAProxy has no word for never: as long as its timers go, which is 24.8 days. */
export const NEVER = '24d';

export const orNever = (ms: number): string => (ms === 0 || !Number.isFinite(ms) ? NEVER : `${ms}ms`);

/** Further tries for each time that the heaviest server outweighs all others. */
const TRIES_PER_RATIO = 4;
/** One try of a server that says nothing lasts `timeouts.connect`. */
const MOST_EXTRA_TRIES = 16;

/** RFC 9110 §9.2.2. */
const IDEMPOTENT = 'GET HEAD OPTIONS PUT DELETE TRACE';
const RETRY_ON = {
  connect: 'conn-failure',
  closed: 'empty-response',
  'bad-answer': 'junk-response',
  timeout: 'response-timeout',
} as const;

/** The section of a backend that listeners lead to. `mayGain`: it is given more lines as it runs. */
export function backendText(
  proxy: HaproxyBackend,
  lines: readonly ServerLine[],
  places: TlsPlaces,
  pool: SourcePoolConfig,
  { mayGain }: { readonly mayGain: boolean },
): string[] {
  const { backend, mode } = proxy;
  return [
    `backend ${proxy.name}`,
    `  mode ${mode}`,
    ...balance(backend).map(indent),
    ...(mode === 'http' ? ofRequests(backend) : []).map(indent),
    `  retries ${tries(backend, lines, mayGain)}`,
    '  option redispatch 1',
    '  option allbackups',
    ...timeouts(proxy, pool).map(indent),
    ...lines.map((line) => `  server ${serverWords(line, places)}`),
  ];
}

/**
 * A server that has just died has several lines, and in HAProxy's round-robin some of them may come one after another: 5 tries were enough for
 * two servers of one weight with four lines of any ports each, and a server that has three times the weight of the others takes some 10 (HAProxy 2.6,
 * 45,000 requests each). Those come on top of what is asked for.
 */
function tries({ retries, balance: policy }: BackendConfig, lines: readonly ServerLine[], mayGain: boolean): number {
  if (retries === 0 || policy !== 'round-robin') return retries;
  const weights = new Map<string, number>();
  const turn = lines.filter(({ server }) => !server.backup);
  for (const { server, weight } of turn) weights.set(server.id, (weights.get(server.id) ?? 0) + weight);
  const isOneEach = weights.size === turn.length && !mayGain;
  if (isOneEach || weights.size < 2) return retries;
  const heaviest = Math.max(...weights.values());
  const others = turn.reduce((sum, { weight }) => sum + weight, 0) - heaviest;
  return retries + Math.min(MOST_EXTRA_TRIES, Math.ceil((TRIES_PER_RATIO * heaviest) / Math.max(1, others)));
}

const indent = (line: string): string => `  ${line}`;

function balance({ balance: policy, hash, hashBalancePercent }: BackendConfig): string[] {
  switch (policy) {
    case 'round-robin':
      return ['balance roundrobin'];
    case 'random-two':
      return ['balance random(2)'];
    case 'hash':
    case 'maglev': {
      const by =
        hash.by === 'client'
          ? 'source'
          : hash.by === 'header'
            ? quote(`hdr(${hash.name})`)
            : `hash ${quote(`req.cook(${hash.name})`)}`;
      return [
        `balance ${by}`,
        'hash-type consistent',
        ...(hashBalancePercent > 0 ? [`hash-balance-factor ${hashBalancePercent}`] : []),
      ];
    }
    case 'least-connections':
    case 'peak-ewma':
      return ['balance leastconn'];
    default:
      return policy satisfies never;
  }
}

function ofRequests({ retry, sticky }: BackendConfig): string[] {
  const on = [
    ...retry.on.map((failure) => RETRY_ON[failure]),
    ...retry.statuses.flatMap(([low, high]) => Array.from({ length: high - low + 1 }, (_, i) => String(low + i))),
  ];
  return [
    'http-reuse safe',
    `retry-on ${on.length === 0 ? 'none' : [...new Set(on)].join(' ')}`,
    `http-request disable-l7-retry unless { method ${IDEMPOTENT} }`,
    ...(sticky === undefined
      ? []
      : sticky.by === 'header'
        ? [
            `stick-table type string len 128 size ${sticky.entries} expire ${sticky.ttlMs}ms`,
            `stick on ${quote(`req.hdr(${sticky.name})`)}`,
          ]
        : [
            `cookie ${quote(sticky.name)} insert indirect nocache${sticky.isSecure ? ' secure' : ''} httponly${
              sticky.maxAgeMs === 0 ? '' : ` attr Max-Age=${Math.ceil(sticky.maxAgeMs / 1000)}`
            }`,
          ]),
  ];
}

function timeouts({ backend, mode, listeners }: HaproxyBackend, { exhaustion }: SourcePoolConfig): string[] {
  const { connectMs, responseMs } = backend.timeouts;
  const queueMs = backend.requestsPerServer > 0 ? backend.queue.timeoutMs : exhaustion.timeoutMs;
  const longest = (values: readonly number[]): number => (values.includes(0) ? 0 : Math.max(...values));
  const serverMs = mode === 'http' ? responseMs : longest(listeners.map(({ tcp }) => tcp.idleMs));
  return [
    `timeout connect ${connectMs}ms`,
    `timeout queue ${queueMs}ms`,
    `timeout server ${orNever(serverMs)}`,
    `timeout tunnel ${orNever(longest(listeners.map(({ timeouts: { webSocketIdleMs }, tcp }) => (mode === 'http' ? webSocketIdleMs : tcp.idleMs))))}`,
  ];
}

/** The section in which the servers of a backend are checked, once each, however many sources they are reached from. */
export function checkText(
  backend: BackendConfig,
  checks: readonly CheckLine[],
  keepsState: boolean,
  places: TlsPlaces,
): string[] {
  const { http, timeoutMs } = backend.health!;
  return [
    `backend ck_${backend.name}`,
    `  mode ${http === undefined ? 'tcp' : 'http'}`,
    ...(keepsState ? ['  load-server-state-from-file global'] : []),
    ...(http === undefined
      ? []
      : [
          '  option httpchk',
          `  http-check send meth ${http.method} uri ${quote(http.path)} ver HTTP/1.1 hdr Host ${quote(http.host === undefined ? '%[srv_name]' : literal(http.host))} hdr User-Agent portico-health hdr Connection close`,
          `  http-check expect status ${http.statuses.map(([low, high]) => `${low}-${high}`).join(',')}`,
          ...(http.body === undefined ? [] : [`  http-check expect string ${quote(http.body)}`]),
        ]),
    `  timeout connect ${Math.min(timeoutMs, backend.timeouts.connectMs)}ms`,
    `  timeout check ${timeoutMs}ms`,
    `  timeout server ${timeoutMs}ms`,
    ...checks.map((check) => `  server ${checkWords(check, places)}`),
  ];
}
