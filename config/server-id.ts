import { parseEndpoint } from './endpoint.ts';

/** The name of the server with this address, however it is written: the same address gives the same name. Undefined for no address. */
export function serverId(address: unknown): string | undefined {
  const endpoint = typeof address === 'string' ? parseEndpoint(address) : undefined;
  if (endpoint === undefined) return undefined;
  return endpoint.host.includes(':') ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}
