import { isIPv4, isIPv6 } from 'node:net';

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;

/** A host of a route taken apart: in lower case, IPv6 in brackets as requests write it, without the root's dot. */
export interface HostPattern {
  /** The name; of a wildcard what comes after the `*`, so it starts with a dot. */
  readonly name: string;
  readonly isWildcard: boolean;
  readonly port: number | undefined;
}

/** Undefined for what no request can name. */
export function parseHostPattern(text: string): HostPattern | undefined {
  const lower = text.toLowerCase();
  if (isIPv6(lower)) return { name: `[${lower}]`, isWildcard: false, port: undefined };
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(lower);
  if (match === null) return undefined;
  const port = match[2] === undefined ? undefined : Number(match[2]);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  const host = match[1]!;
  if (host.startsWith('[')) return isIPv6(host.slice(1, -1)) ? { name: host, isWildcard: false, port } : undefined;
  const name = host.endsWith('.') ? host.slice(0, -1) : host;
  const isWildcard = name.startsWith('*.');
  const labels = (isWildcard ? name.slice(2) : name).split('.');
  const isAddress = !isWildcard && isIPv4(name);
  if (!isAddress && (name.length > 253 || !labels.every((label) => LABEL.test(label)))) return undefined;
  return { name: isWildcard ? name.slice(1) : name, isWildcard, port };
}

/** What is wrong with a host; undefined for a good one. `isPattern` false: a wildcard is wrong as well. */
export function hostFault(text: string, { isPattern } = { isPattern: true }): string | undefined {
  const pattern = parseHostPattern(text);
  if (pattern !== undefined && (isPattern || !pattern.isWildcard)) return undefined;
  if (text.includes('://')) return `"${text}" is a URL; write the host alone`;
  const wildcard = isPattern ? ', *.example.com for every name below it' : '';
  return `"${text}" is not a host; write a name such as a.example${wildcard}, an IP address, or one of them with :port`;
}
