import type { BackendConfig, ServerConfig } from '../config/config.ts';
import { idOf } from '../config/server-id.ts';

export interface WantedServer extends ServerConfig {
  /** Which of the backend's names has this address. Absent: it is in the config itself. */
  readonly name?: string;
}

/**
 * The servers that a backend is to have, by their ids: each address of a name is one. What the config says of an address goes before what it says
 * of a name that has it, and a name before those after it.
 */
export function wantedServers(
  { servers, names = [] }: BackendConfig,
  addressesOf: (name: string) => readonly string[],
): ReadonlyMap<string, WantedServer> {
  const wanted = new Map<string, WantedServer>();
  for (const server of servers) wanted.set(idOf(server.host, server.port), server);
  for (const named of names) {
    for (const host of addressesOf(named.name)) {
      const id = idOf(host, named.port);
      if (!wanted.has(id)) wanted.set(id, { ...named, host });
    }
  }
  return wanted;
}
