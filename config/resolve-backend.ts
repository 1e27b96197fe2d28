import { resolve as resolvePath } from 'node:path';
import type { BackendConfig } from './backend-config.ts';
import { parseEndpoint } from './endpoint.ts';
import { auto, duration, endpoint, type LoadContext, type Report } from './resolve-values.ts';
import type { ConfigFile } from './schema.ts';

/** The backend that a valid entry of `backends` stands for. */
export function resolveBackend(
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
