import dns from 'node:dns';
import { formatIpAddress, parseIpAddress } from '../../config/ip-address.ts';
import type { Clock } from '../clock.ts';
import { localAddresses } from './local-names.ts';
import { familyOf, type Lookup, type LookupAnswer, type LookupFailure } from './lookup.ts';

export interface DnsLookupDeps {
  readonly clock: Clock;
  /** The text of /etc/hosts; '' where there is none. */
  readonly hosts: () => string;
}

/** A server that does not answer is asked again, or another one, so often within the time of a lookup. */
const TRIES = 4;
/** Of what /etc/hosts says: reading it again costs nothing. */
const HOSTS_TTL_MS = 5000;

/**
 * Looks names up as they are written, without the search domains of resolv.conf, in /etc/hosts first. Each lookup reads resolv.conf anew: it may
 * have changed since Portico started.
 */
export function createDnsLookup({ clock, hosts }: DnsLookupDeps): Lookup {
  return async (name, family, { nameservers, timeoutMs }): Promise<LookupAnswer> => {
    const local = localAddresses(hosts(), name);
    if (local !== undefined) {
      const addresses = local.filter((address) => familyOf(address) === family);
      return addresses.length === 0 ? { kind: 'empty' } : { kind: 'found', addresses, ttlMs: HOSTS_TTL_MS };
    }
    const resolver = new dns.promises.Resolver({ timeout: Math.max(1, Math.floor(timeoutMs / TRIES)), tries: TRIES });
    if (nameservers !== undefined) resolver.setServers(nameservers);
    const timer = clock.after(timeoutMs, () => resolver.cancel());
    try {
      const ask = family === 4 ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true });
      const records = await ask;
      if (records.length === 0) return { kind: 'empty' };
      const addresses = records.map(({ address }) => formatIpAddress(parseIpAddress(address)!));
      return { kind: 'found', addresses, ttlMs: Math.min(...records.map(({ ttl }) => ttl)) * 1000 };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === dns.NODATA) return { kind: 'empty' };
      return { kind: 'failed', reason: FAILURES.get(code ?? '') ?? 'failed' };
    } finally {
      clock.clear(timer);
    }
  };
}

const FAILURES: ReadonlyMap<string, LookupFailure> = new Map([
  [dns.NOTFOUND, 'nxdomain'],
  [dns.SERVFAIL, 'servfail'],
  [dns.REFUSED, 'refused'],
  [dns.NOTIMP, 'refused'],
  [dns.TIMEOUT, 'timeout'],
  // By us, when its time was over.
  [dns.CANCELLED, 'timeout'],
  [dns.CONNREFUSED, 'timeout'],
  [dns.BADRESP, 'malformed'],
  [dns.FORMERR, 'malformed'],
]);
