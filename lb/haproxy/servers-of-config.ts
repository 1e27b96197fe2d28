import type { BackendConfig } from '../../config/config.ts';
import { idOf } from '../../config/server-id.ts';
import type { HaproxyServer } from './haproxy-plan.ts';

/** The servers as the file has them, before anyone has changed something about them; without those that are names. */
export function serversOfConfig({ servers }: BackendConfig): readonly HaproxyServer[] {
  return servers.map(({ state, ...server }) => serverOf(server, state));
}

/** Those that are names: for HAProxy to look up. */
export function namedServersOfConfig({ names = [] }: BackendConfig): readonly HaproxyServer[] {
  return names.map(({ state, ...server }) => serverOf({ ...server, host: server.name }, state));
}

function serverOf(
  { host, port, weight, backup, name }: Omit<HaproxyServer, 'id' | 'admin'>,
  state: HaproxyServer['admin'] = 'ready',
): HaproxyServer {
  return {
    id: idOf(host, port),
    host,
    port,
    ...(name === undefined ? {} : { name }),
    weight,
    backup,
    admin: state,
  };
}
