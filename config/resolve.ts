import { resolve as resolvePath } from 'node:path';
import type { Config, ListenerConfig, SourcePoolConfig } from './config.ts';
import { withDefaultConnections } from './default-connections.ts';
import { haproxyMode } from './haproxy-mode.ts';
import { poolAddresses } from './pool-addresses.ts';
import { resolveAcme } from './resolve-acme.ts';
import { resolveAdmin } from './resolve-admin.ts';
import { resolveBackend } from './resolve-backend.ts';
import { resolveForwarding } from './resolve-forwarding.ts';
import { resolveLimits, resolveTimeouts } from './resolve-limits.ts';
import { resolveResolver } from './resolve-resolver.ts';
import { resolveRoute } from './resolve-route.ts';
import { resolveTcpListener } from './resolve-tcp-listener.ts';
import { resolveListenerTls } from './resolve-tls.ts';
import { auto, duration, endpoint, type LoadContext, type Report, size } from './resolve-values.ts';
import type { ConfigFile } from './schema.ts';

export const DEFAULT_POOL = { name: 'default', addresses: ['127.0.1.1-127.0.1.4'] };
const DEFAULT_CLAIM_LIMIT = 256;

/** The config that a valid file stands for, with every default. What is wrong in it goes to `report`; the result is then of no use. */
export function resolve(file: ConfigFile, context: LoadContext, report: Report): Config {
  const sources = (file.sources ?? [DEFAULT_POOL]).map((source, i) => resolveSource(source, i, report));
  const planes = auto(file.planes, context);
  const { plane_memory: memory } = file;
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
  file.backends.forEach(({ requests_per_server: limit = 0 }, i) => {
    if (limit !== 'auto' && limit > 0 && limit < planes) {
      report(
        ['backends', i, 'requests_per_server'],
        `${limit} cannot be divided among ${planes} planes; use ${planes} or more, or set planes to ${limit}`,
      );
    }
  });
  return {
    sources,
    listeners: file.listeners.map((listener, i) => resolveListener(listener, i, file.acme, context, report)),
    backends: file.backends.map((backend, i) =>
      resolveBackend(withDefaultConnections(backend, file), i, sources[0]!.name, context, report),
    ),
    ...(file.resolver === undefined ? {} : { resolver: resolveResolver(file.resolver, report) }),
    ...(file.acme === undefined ? {} : { acme: resolveAcme(file.acme, context) }),
    admin: resolveAdmin(file, context, report),
    planes,
    ...(memory === undefined || memory === 'auto' ? {} : { planeMemoryBytes: size(memory, 'unlimited') }),
    watchesFile: file.watch ?? false,
    drainDelayMs: duration(file.drain?.delay, '0s'),
    drainTimeoutMs: duration(file.drain?.timeout ?? file.drain_timeout, '30s'),
    heartbeatMs: duration(file.heartbeat, '5s'),
    outlivePrimaryMs: duration(file.outlive_primary, '24h'),
  };
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

function resolveListener(
  listener: ConfigFile['listeners'][number],
  index: number,
  acme: ConfigFile['acme'],
  context: LoadContext,
  report: Report,
): ListenerConfig {
  const { access_log: log } = listener;
  const { host, port } = endpoint(listener.bind, ['listeners', index, 'bind'], report);
  const routes = listener.routes ?? [{ backend: listener.backend! }];
  return {
    name: listener.name,
    host,
    port,
    engine: listener.engine ?? 'http',
    protocol: listener.protocol ?? 'tcp',
    ...(listener.tls === undefined ? {} : { tls: resolveListenerTls(listener.tls, acme, context) }),
    ...(listener.engine === 'haproxy' ? { mode: haproxyMode(listener) } : {}),
    routes: routes.map((route) => resolveRoute(route, listener)),
    forwarding: resolveForwarding(listener, index, report),
    ...(log === undefined
      ? {}
      : {
          accessLog: {
            file: log.file === 'stdout' ? log.file : resolvePath(context.directory, log.file),
            format: log.format ?? 'json',
            sample: log.sample ?? 1,
            bufferBytes: size(log.buffer, '1MiB'),
          },
        }),
    hasProxyHeaders: listener.proxy_protocol ?? false,
    limits: resolveLimits(listener.limits),
    timeouts: resolveTimeouts(listener.timeouts),
    tcp: resolveTcpListener(listener),
  };
}
