import { createHmac } from 'node:crypto';
import type { BackendConfig } from '../../config/config.ts';
import {
  type HaproxyBackend,
  type HaproxyPlan,
  type HaproxyServer,
  proxiesOf,
  type SourceRun,
} from './haproxy-plan.ts';
import { lineWeights } from './line-weights.ts';
import { resolverWords } from './name-resolution.ts';
import { quote } from './quote.ts';
import { serverTlsWords } from './server-tls.ts';
import type { TlsPlaces } from './tls-files.ts';

/** A server from one run of source ports: what HAProxy calls a server. */
export interface ServerLine {
  readonly proxy: HaproxyBackend;
  readonly name: string;
  readonly server: HaproxyServer;
  readonly run: SourceRun;
  /** Requests or connections at once: never more than there are ports, with those that are kept idle. */
  readonly most: number;
  readonly idle: number;
  readonly weight: number;
}

/** A server that only the checks know: all lines of it follow what they find. */
export interface CheckLine {
  readonly backend: BackendConfig;
  readonly server: HaproxyServer;
  /** Undefined: the pool has no port to spare. */
  readonly run: SourceRun | undefined;
}

/** Of each server that is checked: checks come one at a time, and leave nothing in TIME_WAIT. */
const CHECK_PORTS = 4;
/** Of the ports of a line, kept for connections without a request. */
const IDLE_SHARE = 8;

const isSix = (address: string): boolean => address.includes(':');
const sizeOf = ({ first, last }: SourceRun): number => last - first + 1;
const placeOf = (pool: string, { host, port }: HaproxyServer): string => `${pool} ${host} ${port}`;

export interface HaproxyLines {
  readonly lines: readonly ServerLine[];
  readonly checks: readonly CheckLine[];
}

/**
 * Gives each server of each proxy its ports of every source. One port of one source reaches one destination once: where several proxies, or
 * their checks, have the same destination, each has a part of the ports of its own. `withChecks`: false for ports that come later, when the checks have theirs.
 */
export function haproxyLines(plan: HaproxyPlan, { withChecks = true } = {}): HaproxyLines {
  const proxies = proxiesOf(plan);
  const users = new Map<string, HaproxyBackend[]>();
  const checkers = new Map<string, BackendConfig[]>();
  for (const proxy of proxies) {
    for (const server of plan.servers.get(proxy.backend.name) ?? []) {
      const place = placeOf(proxy.backend.source, server);
      users.set(place, [...(users.get(place) ?? []), proxy]);
      const known = checkers.get(place) ?? [];
      if (proxy.backend.health !== undefined && !known.includes(proxy.backend)) known.push(proxy.backend);
      checkers.set(place, known);
    }
  }
  const ports = new Map(
    plan.pools.map(({ name }) => [name, divide(plan, name, withChecks ? mostCheckers(checkers, name) : 0)]),
  );
  const checks: CheckLine[] = [];
  for (const [place, backends] of withChecks ? checkers : []) {
    backends.forEach((backend, i) => {
      const server = plan.servers.get(backend.name)!.find((each) => placeOf(backend.source, each) === place)!;
      checks.push({ backend, server, run: ports.get(backend.source)?.check(isSix(server.host), i) });
    });
  }
  const lines = proxies.flatMap((proxy) => {
    const { backend } = proxy;
    const drafts = (plan.servers.get(backend.name) ?? []).map((server) => {
      const sharing = users.get(placeOf(backend.source, server))!;
      const runs = (ports.get(backend.source)?.runs ?? [])
        .filter(({ address }) => isSix(address) === isSix(server.host))
        .flatMap((run) => partOf(run, sharing.indexOf(proxy), sharing.length));
      return runs.map((run) => lineOf(proxy, server, run, runs.length));
    });
    const lines = interleave(drafts);
    const weights = lineWeights(
      lines.map(({ server, run }) => ({ server: server.id, weight: server.weight, free: sizeOf(run) })),
    );
    return lines.map((line, i) => ({ ...line, weight: line.server.admin === 'drain' ? 0 : weights[i]! }));
  });
  return { lines, checks };
}

/** One of each in turn: where weights are equal, the next line after one that failed is another server's. */
function interleave<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}

function mostCheckers(checkers: ReadonlyMap<string, readonly unknown[]>, pool: string): number {
  return Math.max(0, ...[...checkers].filter(([place]) => place.startsWith(`${pool} `)).map(([, all]) => all.length));
}

/** The ports of a pool, less those that the checks have: from the first source of each family. */
function divide(
  { runs }: HaproxyPlan,
  pool: string,
  checkers: number,
): { readonly runs: readonly SourceRun[]; check(six: boolean, index: number): SourceRun | undefined } {
  const own = runs.filter((run) => run.pool === pool);
  const needed = checkers * CHECK_PORTS;
  const giving = [false, true].map((six) =>
    own.find((run) => isSix(run.address) === six && sizeOf(run) > needed && needed > 0),
  );
  return {
    runs: own.map((run) => (giving.includes(run) ? { ...run, first: run.first + needed } : run)),
    check: (six, index) => {
      const run = giving[six ? 1 : 0];
      if (run === undefined) return undefined;
      const first = run.first + index * CHECK_PORTS;
      return { ...run, first, last: first + CHECK_PORTS - 1 };
    },
  };
}

function partOf(run: SourceRun, index: number, count: number): SourceRun[] {
  const size = sizeOf(run);
  const first = run.first + Math.floor((size * index) / count);
  const last = run.first + Math.floor((size * (index + 1)) / count) - 1;
  return first > last ? [] : [{ ...run, first, last }];
}

export function lineName({ host, port }: HaproxyServer, { address, first }: SourceRun): string {
  return `${host}:${port}_${address}_${first}`;
}

/** Undefined for what `lineName` has not made. */
export function parseLineName(name: string): { readonly server: string; readonly address: string } | undefined {
  const match = /^(.+)_([^_]+)_[0-9]+$/.exec(name);
  return match === null ? undefined : { server: match[1]!, address: match[2]! };
}

function lineOf(
  proxy: HaproxyBackend,
  server: HaproxyServer,
  run: SourceRun,
  lines: number,
): Omit<ServerLine, 'weight'> {
  const size = sizeOf(run);
  const idle = proxy.mode === 'http' ? Math.floor(size / IDLE_SHARE) : 0;
  const limits = [size - idle];
  const { requestsPerServer, connectionsPerServer } = proxy.backend;
  // HAProxy limits each of the lines; the number is of all of them together.
  if (requestsPerServer > 0) limits.push(Math.max(1, Math.floor(requestsPerServer / lines)));
  limits.push(Math.max(1, Math.floor(connectionsPerServer / lines)));
  return { proxy, name: lineName(server, run), server, run, most: Math.min(...limits), idle };
}

/** A cookie tells the line, so that a session stays at its server and in reach of ports that are its own. */
export function cookieValue({ proxy, name }: ServerLine): string {
  const { sticky } = proxy.backend;
  const key = sticky?.by === 'cookie' ? (sticky.key ?? '') : '';
  return createHmac('sha256', key).update(name).digest('hex').slice(0, 16);
}

const bracketed = (host: string): string => (isSix(host) ? `[${host}]` : host);
export const sourceWords = ({ address, first, last }: SourceRun): string =>
  `source ${bracketed(address)}:${first}-${last}`;

/** As it stands in a backend after `server `, and after `add server PROXY/`. */
export function serverWords(line: ServerLine, places: TlsPlaces, { isDynamic = false } = {}): string {
  const { proxy, server, run, most, idle, weight, name } = line;
  const { backend } = proxy;
  return [
    name,
    `${bracketed(server.host)}:${server.port}`,
    ...(backend.health === undefined ? [] : [`track ck_${backend.name}/${checkName(server)}`]),
    ...resolverWords(server),
    sourceWords(run),
    `weight ${weight}`,
    `maxconn ${most}`,
    ...(proxy.mode === 'http' ? [`pool-max-conn ${idle}`, `pool-purge-delay ${backend.timeouts.idleMs}ms`] : []),
    ...(backend.sticky?.by === 'cookie' && proxy.mode === 'http' ? [`cookie ${quote(cookieValue(line))}`] : []),
    ...(backend.slowStartMs === 0 ? [] : [`slowstart ${backend.slowStartMs}ms`]),
    ...proxyHeader(backend),
    ...serverTlsWords(backend, server, places),
    ...(server.backup ? ['backup'] : []),
    ...(server.admin === 'maintenance' && !isDynamic ? ['disabled'] : []),
  ].join(' ');
}

export function proxyHeader({ proxyProtocol }: BackendConfig): string[] {
  if (proxyProtocol === undefined) return [];
  return [proxyProtocol === 'v1' ? 'send-proxy' : 'send-proxy-v2'];
}

export const checkName = ({ host, port }: HaproxyServer): string => `${host}:${port}`;

export function checkWords({ backend, server, run }: CheckLine, places: TlsPlaces): string {
  const { intervalMs, fastIntervalMs, rise, fall, port } = backend.health!;
  return [
    checkName(server),
    `${bracketed(server.host)}:${server.port}`,
    'check',
    ...resolverWords(server),
    ...(port === undefined ? [] : [`port ${port}`]),
    `inter ${intervalMs}ms fastinter ${fastIntervalMs}ms rise ${rise} fall ${fall}`,
    ...(run === undefined ? [] : [sourceWords(run)]),
    ...(backend.proxyProtocol === undefined ? [] : ['check-send-proxy', ...proxyHeader(backend)]),
    ...serverTlsWords(backend, server, places, { isCheck: true }),
    ...(server.admin === 'maintenance' ? ['disabled'] : []),
  ].join(' ');
}
