import { isAbsolute, resolve as resolvePath } from 'node:path';
import type { AdminConfig, BackendConfig, Config, ListenerConfig, SourcePoolConfig } from './config.ts';
import { parseDuration } from './duration.ts';
import { type Endpoint, parseEndpoint } from './endpoint.ts';
import type { Path } from './finding.ts';
import { poolAddresses } from './pool-addresses.ts';
import type { ConfigFile } from './schema.ts';
import { parseSize } from './size.ts';

export interface LoadContext {
  /** For messages. */
  readonly file: string;
  /** What relative paths are relative to. */
  readonly directory: string;
  /** What `auto` means. */
  readonly cpuCount: number;
}

type Report = (path: Path, message: string) => void;

export const DEFAULT_POOL = { name: 'default', addresses: ['127.0.1.1-127.0.1.4'] };
export const DEFAULT_ADMIN = '127.0.0.1:9797';
const DEFAULT_CLAIM_LIMIT = 256;
const NOWHERE: Endpoint = { host: '0.0.0.0', port: 0 };

/** The config that a valid file stands for, with every default. What is wrong in it goes to `report`; the result is then of no use. */
export function resolve(file: ConfigFile, context: LoadContext, report: Report): Config {
  const sources = (file.sources ?? [DEFAULT_POOL]).map((source, i) => resolveSource(source, i, report));
  const planes = auto(file.planes, context);
  sources.forEach(({ addresses, ports }, i) => {
    // Ports change owner in aligned blocks of 128; every plane needs one to start with, and so do the health checks.
    const blocks = addresses.length * (Math.floor(ports.high / 128) - Math.floor(ports.low / 128) + 1);
    if (addresses.length > 0 && ports.low <= ports.high && blocks < planes + 1) {
      report(
        ['sources', i],
        `${blocks} blocks of 128 ports are too few for ${planes} planes and the health checks; widen "ports", add addresses or set planes to ${Math.max(1, blocks - 1)}`,
      );
    }
  });
  return {
    sources,
    listeners: file.listeners.map((listener, i) => resolveListener(listener, i, report)),
    backends: file.backends.map((backend, i) => resolveBackend(backend, i, sources[0]!.name, context, report)),
    admin: resolveAdmin(file, context, report),
    planes,
    drainTimeoutMs: duration(file.drain_timeout, '30s'),
  };
}

function duration(value: string | 0 | undefined, initial: string): number {
  return value === 0 ? 0 : parseDuration(value ?? initial)!;
}

function size(value: string | number | undefined, initial: string): number {
  return typeof value === 'number' ? value : parseSize(value ?? initial)!;
}

function auto(value: 'auto' | number | undefined, { cpuCount }: LoadContext): number {
  return value === undefined || value === 'auto' ? cpuCount : value;
}

function endpoint(text: string, path: Path, report: Report): Endpoint {
  const parsed = parseEndpoint(text);
  if (parsed === undefined) report(path, `"${text}" is not an address and port such as 10.0.0.5:8080 or [::1]:8080`);
  return parsed ?? NOWHERE;
}

function resolveSource(
  source: NonNullable<ConfigFile['sources']>[number],
  index: number,
  report: Report,
): SourcePoolConfig {
  const addresses = poolAddresses(source.addresses, (i, message) =>
    report(['sources', index, 'addresses', i], message),
  );
  const [low = 0, high = 0] = (source.ports ?? '1024-65535').split('-').map(Number);
  if (low < 1 || high > 65535 || low > high) {
    report(['sources', index, 'ports'], `"${source.ports}" is not a range within 1-65535`);
  }
  const limit = source.claim_limit ?? DEFAULT_CLAIM_LIMIT;
  if (source.claim === true && addresses.length > limit) {
    report(
      ['sources', index, 'addresses'],
      `${addresses.length} addresses are more than the ${limit} that may be claimed; if you mean it, set "claim_limit" to ${addresses.length}`,
    );
  }
  return {
    name: source.name,
    addresses,
    claim: source.claim ?? false,
    interface: source.interface ?? 'lo',
    ports: { low, high },
    reservedPorts: source.reserved_ports ?? 'avoid',
    strategy: source.strategy ?? 'most-free',
    exhaustion: {
      queue: source.exhaustion?.queue ?? 1024,
      timeoutMs: duration(source.exhaustion?.timeout, '5s'),
      warnMs: duration(source.exhaustion?.warn, '5m'),
    },
  };
}

function resolveListener(listener: ConfigFile['listeners'][number], index: number, report: Report): ListenerConfig {
  const { limits, timeouts } = listener;
  const { host, port } = endpoint(listener.bind, ['listeners', index, 'bind'], report);
  const routes = listener.routes ?? [{ backend: listener.backend! }];
  return {
    name: listener.name,
    host,
    port,
    engine: listener.engine ?? 'http',
    routes: routes.map((route) => ({
      backend: route.backend,
      ...('host' in route && route.host !== undefined ? { host: route.host.toLowerCase() } : {}),
      ...('path' in route && route.path !== undefined ? { path: route.path } : {}),
    })),
    limits: {
      headerBytes: size(limits?.header_size, '16KiB'),
      bodyBytes: size(limits?.body_size, 'unlimited'),
      webSocketMessageBytes: size(limits?.websocket_message_size, '16MiB'),
    },
    timeouts: {
      idleMs: duration(timeouts?.idle, '60s'),
      headerMs: duration(timeouts?.header, '10s'),
      webSocketIdleMs: duration(timeouts?.websocket_idle, '0'),
    },
  };
}

function resolveBackend(
  backend: ConfigFile['backends'][number],
  index: number,
  firstPool: string,
  context: LoadContext,
  report: Report,
): BackendConfig {
  const { health, timeouts, workers } = backend;
  return {
    name: backend.name,
    balance: backend.balance ?? 'least-connections',
    hash: resolveHash(backend.hash),
    source: backend.source ?? firstPool,
    pipelining: backend.pipelining ?? 1,
    connectionsPerServer: backend.connections_per_server ?? 256,
    retries: backend.retries ?? 2,
    timeouts: {
      connectMs: duration(timeouts?.connect, '5s'),
      responseMs: duration(timeouts?.response, '60s'),
      idleMs: duration(timeouts?.idle, '30s'),
    },
    ...(health === undefined
      ? {}
      : {
          health: {
            ...(health.path === undefined ? {} : { path: health.path }),
            intervalMs: duration(health.interval, '2s'),
            timeoutMs: duration(health.timeout, '1s'),
            rise: health.rise ?? 2,
            fall: health.fall ?? 3,
          },
        }),
    servers: (backend.servers ?? []).map(({ address, weight }, i) => {
      const path = ['backends', index, 'servers', i, 'address'];
      const { host, port } = endpoint(address, path, report);
      if (port === 0 && parseEndpoint(address) !== undefined) report(path, `"${address}" has no port to connect to`);
      return { host, port, weight: weight ?? 1 };
    }),
    ...(workers === undefined
      ? {}
      : { workers: { module: modulePath(workers.module, context), count: auto(workers.count, context) } }),
  };
}

function resolveHash(hash: ConfigFile['backends'][number]['hash']): BackendConfig['hash'] {
  if (hash === undefined || hash === 'client') return { by: 'client' };
  return 'header' in hash ? { by: 'header', name: hash.header } : { by: 'cookie', name: hash.cookie };
}

function modulePath(module: string, { directory }: LoadContext): string {
  return module.startsWith('builtin:') ? module : resolvePath(directory, module);
}

function resolveAdmin(file: ConfigFile, context: LoadContext, report: Report): AdminConfig {
  const text = file.admin?.listen ?? DEFAULT_ADMIN;
  const listen = text.startsWith('unix:') ? { path: text.slice(5) } : endpoint(text, ['admin', 'listen'], report);
  if ('path' in listen && !isAbsolute(listen.path)) {
    report(['admin', 'listen'], `"${text}" needs the whole path of the socket, as in unix:/run/portico/admin.sock`);
  }
  const tokenFile = file.admin?.token_file;
  return { listen, ...(tokenFile === undefined ? {} : { tokenFile: resolvePath(context.directory, tokenFile) }) };
}
