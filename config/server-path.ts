import type { ServerConfig } from './backend-config.ts';
import type { Path } from './finding.ts';
import type { ConfigFile } from './schema.ts';
import { idOf, serverId } from './server-id.ts';

/** Where the file has a server of its backend with that index: among the others that are written there, names too. */
export function serverPath(file: ConfigFile, backend: number, { host, port }: ServerConfig): Path {
  const servers = file.backends[backend]?.servers ?? [];
  const id = idOf(host, port);
  return ['backends', backend, 'servers', servers.findIndex(({ address }) => serverId(address) === id)];
}
