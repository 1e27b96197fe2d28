import type { BackendConfig } from '../../config/config.ts';
import type { HaproxyServer } from './haproxy-plan.ts';

/** The servers as the file has them, before anyone has changed something about them. */
export function serversOfConfig({ servers }: BackendConfig): readonly HaproxyServer[] {
  return servers.map(({ host, port, weight, backup, state = 'ready' }) => ({
    id: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    host,
    port,
    weight,
    backup,
    admin: state as HaproxyServer['admin'],
  }));
}
