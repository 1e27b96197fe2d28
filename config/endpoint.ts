import { formatIpAddress, parseIpAddress } from './ip-address.ts';

export interface Endpoint {
  /** In canonical form: equal addresses are equal text. */
  readonly host: string;
  readonly port: number;
}

/** `10.0.0.5:9001`, `[2001:db8::5]:9001`, `localhost:80` or `:8080` (every IPv4 address); undefined for anything else. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]*|localhost|\*)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  const name = match[1] ?? match[2]!;
  const host = name === '' || name === '*' ? '0.0.0.0' : name === 'localhost' ? '127.0.0.1' : name;
  const address = parseIpAddress(host);
  return port <= 65535 && address !== undefined ? { host: formatIpAddress(address), port } : undefined;
}
