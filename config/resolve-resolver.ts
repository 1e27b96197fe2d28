import { isIP } from 'node:net';
import { formatIpAddress, parseIpAddress } from './ip-address.ts';
import { duration, type Report } from './resolve-values.ts';
import { DEFAULT_RESOLVER, type ResolverConfig } from './resolver-config.ts';
import type { ConfigFile } from './schema.ts';
import { idOf } from './server-id.ts';

const DNS_PORT = 53;

export function resolveResolver(file: NonNullable<ConfigFile['resolver']>, report: Report): ResolverConfig {
  const nameservers = file.nameservers?.map((text, i) => {
    const server = nameserver(text);
    if (server === undefined)
      report(['resolver', 'nameservers', i], `"${text}" is not an address such as 10.0.0.2, 10.0.0.2:5353 or [::1]:53`);
    return server ?? '';
  });
  const minTtlMs = duration(file.min_ttl, '1s');
  const maxTtlMs = duration(file.max_ttl, '5m');
  if (minTtlMs > maxTtlMs) report(['resolver', 'min_ttl'], '"min_ttl" is longer than "max_ttl"; exchange them');
  return {
    ...(nameservers === undefined ? {} : { nameservers }),
    timeoutMs: duration(file.timeout, '5s'),
    minTtlMs,
    maxTtlMs,
    holdMs: duration(file.hold, '0'),
    maxAddresses: file.max_addresses ?? DEFAULT_RESOLVER.maxAddresses,
  };
}

/** In the form that node:dns takes; undefined for no address. */
function nameserver(text: string): string | undefined {
  const [, six, four = text, digits = String(DNS_PORT)] =
    /^(?:\[([^\]]+)\]|([0-9.]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = parseIpAddress(six ?? four);
  const port = Number(digits);
  if (address === undefined || port < 1 || port > 65535 || (six !== undefined && isIP(six) !== 6)) return undefined;
  return idOf(formatIpAddress(address), port);
}
