import { parseServerAddress } from './server-address.ts';

/**
 * What the server with this address is called, however it is written: the same address gives the same id, `host:port`. For a name it is the name and the
 * port; the servers that it stands for go by their addresses. Undefined for neither.
 */
export function serverId(address: unknown): string | undefined {
  const parsed = typeof address === 'string' ? parseServerAddress(address) : undefined;
  if (parsed === undefined) return undefined;
  return idOf(parsed.kind === 'name' ? parsed.name : parsed.host, parsed.port);
}

export function idOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
