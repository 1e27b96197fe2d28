import { resolve as resolvePath } from 'node:path';
import type {
  BackendConfig,
  HealthConfig,
  HedgeConfig,
  NamedServerConfig,
  OutlierConfig,
  RetryConfig,
  ServerConfig,
  StickyConfig,
} from './backend-config.ts';
import { resolveBackendTls } from './resolve-tls.ts';
import { auto, duration, type LoadContext, type Report, statusRanges } from './resolve-values.ts';
import type { ConfigFile } from './schema.ts';
import { parseServerAddress } from './server-address.ts';

type BackendFile = ConfigFile['backends'][number];

/** The backend that a valid entry of `backends` stands for. */
export function resolveBackend(
  backend: BackendFile,
  index: number,
  firstPool: string,
  context: LoadContext,
  report: Report,
): BackendConfig {
  const { health, outlier, timeouts, workers, requests_per_server: requestsPerServer = 0 } = backend;
  return {
    name: backend.name,
    balance: backend.balance ?? 'least-connections',
    hash: resolveHash(backend.hash),
    source: backend.source ?? firstPool,
    pipelining: backend.pipelining ?? 1,
    connectionsPerServer: backend.connections_per_server ?? 256,
    stalledPerServer: backend.stalled_per_server ?? (backend.connections_per_server === undefined ? 4096 : 0),
    hashBalancePercent: backend.hash_balance_factor ?? 0,
    requestsPerServer: requestsPerServer === 'auto' ? 0 : requestsPerServer,
    adaptsRequests: requestsPerServer === 'auto',
    queue: {
      most: backend.queue?.size ?? 1024,
      timeoutMs: duration(backend.queue?.timeout, '5s'),
      shed: {
        targetMs: duration(backend.queue?.target, '100ms'),
        intervalMs: duration(backend.queue?.interval, '1s'),
      },
    },
    retries: backend.retries ?? 2,
    retry: resolveRetry(backend.retry ?? {}),
    ...(backend.hedge === undefined ? {} : { hedge: resolveHedge(backend.hedge) }),
    ...(backend.sticky === undefined ? {} : { sticky: resolveSticky(backend.sticky) }),
    timeouts: {
      connectMs: duration(timeouts?.connect, '5s'),
      responseMs: duration(timeouts?.response, '60s'),
      idleMs: duration(timeouts?.idle, '4s'),
    },
    ...(backend.proxy_protocol === undefined ? {} : { proxyProtocol: backend.proxy_protocol }),
    ...(backend.tls === undefined ? {} : { tls: resolveBackendTls(backend.tls, context) }),
    ...(health === undefined ? {} : { health: resolveHealth(health) }),
    ...(outlier === undefined ? {} : { outlier: resolveOutlier(outlier) }),
    slowStartMs: duration(backend.slow_start, '0'),
    ...resolveServers(backend.servers ?? [], index, report),
    ...(workers === undefined
      ? {}
      : {
          workers: {
            module: modulePath(workers.module, context),
            count: auto(workers.count, context),
            heartbeatMs: duration(workers.heartbeat, '30s'),
          },
        }),
  };
}

function resolveServers(
  written: NonNullable<BackendFile['servers']>,
  backend: number,
  report: Report,
): Pick<BackendConfig, 'servers' | 'names'> {
  const servers: ServerConfig[] = [];
  const names: NamedServerConfig[] = [];
  written.forEach(({ address, weight = 1, backup = false, state = 'ready' }, i) => {
    const path = ['backends', backend, 'servers', i, 'address'];
    const parsed = parseServerAddress(address);
    if (parsed === undefined) {
      report(
        path,
        `"${address}" is not an address or name with a port, such as 10.0.0.5:8080, [::1]:8080 or app.internal:8080`,
      );
      return;
    }
    const { port } = parsed;
    if (port === 0) report(path, `"${address}" has no port to connect to`);
    const rest = { port, weight, backup, ...(state === 'ready' ? {} : { state }) };
    if (parsed.kind === 'name') names.push({ name: parsed.name, ...rest });
    else servers.push({ host: parsed.host, ...rest });
  });
  return { servers, ...(names.length === 0 ? {} : { names }) };
}

function resolveRetry(retry: NonNullable<BackendFile['retry']>): RetryConfig {
  return {
    on: retry.on ?? ['connect', 'closed'],
    statuses: statusRanges(retry.status, ''),
    budgetPercent: retry.budget ?? 20,
    minPerSecond: retry.min_per_second ?? 10,
    perTryTimeoutMs: duration(retry.per_try_timeout, '0'),
  };
}

function resolveHedge({ after }: NonNullable<BackendFile['hedge']>): HedgeConfig {
  const percent = /^p(\d+)$/.exec(after)?.[1];
  return percent === undefined ? { afterMs: duration(after, '') } : { afterQuantile: Number(percent) / 100 };
}

function resolveSticky(sticky: NonNullable<BackendFile['sticky']>): StickyConfig {
  const { cookie, key, header } = sticky;
  if (header !== undefined) {
    return { by: 'header', name: header, entries: sticky.entries ?? 100_000, ttlMs: duration(sticky.ttl, '1h') };
  }
  return {
    by: 'cookie',
    name: cookie ?? '',
    ...(key === undefined ? {} : { key }),
    isSecure: sticky.secure ?? false,
    maxAgeMs: duration(sticky.max_age, '0'),
  };
}

function resolveHealth(health: NonNullable<BackendFile['health']>): HealthConfig {
  const { path, host, body, port } = health;
  const intervalMs = duration(health.interval, '2s');
  return {
    ...(path === undefined
      ? {}
      : {
          http: {
            method: health.method ?? 'GET',
            path,
            ...(host === undefined ? {} : { host }),
            statuses: statusRanges(health.status, '200-399'),
            ...(body === undefined ? {} : { body }),
          },
        }),
    ...(port === undefined ? {} : { port }),
    intervalMs,
    fastIntervalMs: Math.min(intervalMs, duration(health.fast_interval, '500ms')),
    jitterPercent: health.jitter ?? 10,
    timeoutMs: duration(health.timeout, '1s'),
    rise: health.rise ?? 2,
    fall: health.fall ?? 3,
  };
}

function resolveOutlier(outlier: NonNullable<BackendFile['outlier']>): OutlierConfig {
  return {
    failuresInARow: outlier.failures ?? 5,
    failurePercent: outlier.failure_rate ?? 50,
    minRequests: outlier.min_requests ?? 20,
    intervalMs: duration(outlier.interval, '10s'),
    ejectionMs: duration(outlier.ejection, '30s'),
    maxEjectionMs: duration(outlier.max_ejection, '5m'),
    maxEjectedPercent: outlier.max_ejected ?? 50,
    statuses: statusRanges(outlier.status, '502-504'),
  };
}

function resolveHash(hash: BackendFile['hash']): BackendConfig['hash'] {
  if (hash === undefined || hash === 'client') return { by: 'client' };
  return 'header' in hash ? { by: 'header', name: hash.header } : { by: 'cookie', name: hash.cookie };
}

function modulePath(module: string, { directory }: LoadContext): string {
  return module.startsWith('builtin:') ? module : resolvePath(directory, module);
}
