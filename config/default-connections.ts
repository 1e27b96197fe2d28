import type { ConfigFile } from './schema.ts';

/**
 * Without a number, connections that are kept for the next request are few, and those that each belong to a client as many as there are
 * ports.
 */
export function withDefaultConnections(
  backend: ConfigFile['backends'][number],
  { listeners }: ConfigFile,
): ConfigFile['backends'][number] {
  if (backend.connections_per_server !== undefined) return backend;
  const engines = listeners
    .filter(({ routes, backend: only }) =>
      (routes ?? [{ backend: only }]).some((route) => route.backend === backend.name),
    )
    .map(({ engine = 'http' }) => engine);
  const isRelayed = engines.length > 0 && !engines.includes('http');
  return isRelayed ? { ...backend, connections_per_server: 65_535 } : backend;
}
