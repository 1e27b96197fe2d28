import type { ImportedBackend } from './import-backend.ts';
import type { ImportDeps } from './import-frontend.ts';
import type { ImportedServer } from './import-servers.ts';
import type { CfgLine } from './read-sections.ts';

export interface PoolDeps {
  readonly ownAddresses: readonly string[];
  readonly names: { backend(name: string): string };
  readonly healthOf: (backend: string) => ImportedBackend | undefined;
  readonly lost: ImportDeps['lost'];
}

/** Undefined: all of them. */
type PortRange = { readonly low: number; readonly high: number } | undefined;

const isLoopback = (host: string): boolean => host.startsWith('127.');
const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** Backends with their servers, once each however many lines they have, and the pools that the `source` of the lines make. */
export function poolsOf(
  backs: readonly (readonly [string, { readonly head: CfgLine; readonly back: ImportedBackend }])[],
  deps: PoolDeps,
): { readonly sources: Record<string, unknown>[]; readonly backends: Record<string, unknown>[] } {
  const sources = new Map<string, { readonly name: string; readonly addresses: readonly string[]; ports: PortRange }>();
  // Backends share out the ports of an address by hand; here it is one pool, and the ports are counted for each server.
  const poolOf = (addresses: readonly string[], ports: PortRange): string => {
    const key = JSON.stringify(addresses);
    const known = sources.get(key) ?? {
      name: sources.size === 0 ? 'default' : `pool-${sources.size + 1}`,
      addresses,
      ports,
    };
    known.ports =
      ports === undefined || known.ports === undefined
        ? undefined
        : { low: Math.min(ports.low, known.ports.low), high: Math.max(ports.high, known.ports.high) };
    sources.set(key, known);
    return known.name;
  };
  const backends = backs.map(([name, { back, head }]) => {
    const groups = new Map<string, ImportedServer[]>();
    for (const server of back.servers) {
      const id = server.host.includes(':') ? `[${server.host}]:${server.port}` : `${server.host}:${server.port}`;
      groups.set(id, [...(groups.get(id) ?? []), server]);
    }
    if (groups.size === 0) deps.lost(head, 'it has no server that could be taken over');
    const weights = [...groups.values()].map((lines) => lines.reduce((sum, { weight }) => sum + weight, 0));
    const shared = Math.max(1, weights.reduce(gcd, 0));
    // Many lines of one server have a weight each; what counts is the share of the server.
    const most = Math.max(1, ...weights) / shared;
    const scale = most > 256 ? 256 / most : 1;
    const all = back.servers;
    const servers = [...groups].map(([address, [first]], i) => ({
      address,
      weight: weights[i] === 0 ? 0 : Math.max(1, Math.round((weights[i]! / shared) * scale)),
      ...(first!.backup === true ? { backup: true } : {}),
      ...(first!.isDisabled === true ? { state: 'maintenance' } : {}),
    }));
    const tls = all.find(({ isTls }) => isTls === true)?.tls;
    const { proxyProtocol, slowStart } = all[0] ?? {};
    return {
      name: deps.names.backend(name),
      ...back.file,
      source: sourceOf(all, back, deps, poolOf),
      ...(proxyProtocol === undefined ? {} : { proxy_protocol: proxyProtocol }),
      ...(slowStart === undefined || slowStart === '' ? {} : { slow_start: slowStart }),
      ...(tls === undefined ? {} : { tls }),
      ...health(all, back, deps),
      servers,
    };
  });
  return {
    sources: [...sources.values()].map(({ name, addresses, ports }) => ({
      name,
      addresses,
      ...(ports === undefined ? {} : { ports: `${ports.low}-${ports.high}` }),
    })),
    backends,
  };
}

function sourceOf(
  servers: readonly ImportedServer[],
  back: ImportedBackend,
  { ownAddresses, healthOf }: PoolDeps,
  poolOf: (addresses: readonly string[], ports: PortRange) => string,
): string {
  const tracked = servers.flatMap(({ track }) =>
    track === undefined ? [] : (healthOf(track.split('/')[0]!)?.servers ?? []),
  );
  const given = [...servers, ...tracked].flatMap(({ source }) => (source === undefined ? [] : [source]));
  const addresses = [
    ...new Set([...given.map(({ address }) => address), ...(back.source === undefined ? [] : [back.source])]),
  ];
  if (addresses.length === 0) {
    const isLocal = servers.every(({ host }) => isLoopback(host)) || ownAddresses.length === 0;
    return poolOf(isLocal ? ['127.0.1.1-127.0.1.4'] : ownAddresses, undefined);
  }
  const lows = given.flatMap(({ low }) => (low === undefined ? [] : [low]));
  const highs = given.flatMap(({ high }) => (high === undefined ? [] : [high]));
  const ports =
    lows.length === 0 ? undefined : { low: Math.max(1, Math.min(...lows)), high: Math.max(...highs, ...lows) };
  return poolOf(addresses.sort(), ports);
}

function health(
  servers: readonly ImportedServer[],
  back: ImportedBackend,
  { healthOf }: PoolDeps,
): { readonly health?: Record<string, unknown> } {
  const track = servers.find((server) => server.track !== undefined)?.track;
  const checking = track === undefined ? back : healthOf(track.split('/')[0]!);
  const checked = checking?.servers.find(({ isChecked }) => isChecked === true);
  if (checking === undefined || checked === undefined) return {};
  return { health: { ...checking.health, ...checked.check } };
}
