import type { Config } from '../../config/config.ts';
import { DEFAULT_RESOLVER } from '../../config/resolver-config.ts';
import type { HaproxyPlan } from './haproxy-plan.ts';
import { namedServersOfConfig, serversOfConfig } from './servers-of-config.ts';
import { exportedPlaces } from './tls-files.ts';

/** Where whoever runs a configuration that was printed is to put certificates with their keys. */
export const EXPORTED_TLS = '/etc/haproxy/portico-tls';

/** The whole config as HAProxy alone would run it: every listener of TCP, every port of every pool. */
export function exportPlan(config: Config): HaproxyPlan {
  return {
    listeners: config.listeners
      .filter(({ protocol }) => protocol === 'tcp')
      .map((listener) => ({ ...listener, mode: listener.mode ?? (listener.engine === 'http' ? 'http' : 'tcp') })),
    backends: config.backends,
    servers: new Map(
      config.backends.map((backend) => [backend.name, [...serversOfConfig(backend), ...namedServersOfConfig(backend)]]),
    ),
    pools: config.sources,
    runs: config.sources.flatMap(({ name, addresses, ports }) =>
      addresses.map((address) => ({ pool: name, address, first: ports.low, last: ports.high })),
    ),
    threads: Math.min(64, config.planes),
    resolver: config.resolver ?? DEFAULT_RESOLVER,
    tls: exportedPlaces(EXPORTED_TLS),
  };
}
