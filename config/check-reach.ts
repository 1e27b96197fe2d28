import type { Config } from './config.ts';
import type { Finding } from './finding.ts';
import type { ConfigFile } from './schema.ts';
import { serverPath } from './server-path.ts';

/**
 * Servers that no address of their source pool can be connected to: a socket bound to an IPv4 address has no way to an IPv6 one, and
 * connect() gives EINVAL. What a name stands for is not known here. Backends whose pool is unknown or has no valid address are passed over, as that is a fault of its own.
 */
export function checkReach(file: ConfigFile, config: Config): Finding[] {
  const findings: Finding[] = [];
  config.backends.forEach((backend, i) => {
    const pool = config.sources.find(({ name }) => name === backend.source);
    if (pool === undefined || pool.addresses.length === 0) return;
    const families = new Set(pool.addresses.map(familyOf));
    const message = (family: string): string => `source pool "${pool.name}" has no ${family} address to reach it from`;
    backend.servers.forEach((server) => {
      const family = familyOf(server.host);
      if (!families.has(family)) {
        findings.push({ path: [...serverPath(file, i, server), 'address'], message: message(family) });
      }
    });
    // Workers listen on 127.0.0.1.
    if (backend.workers !== undefined && !families.has('IPv4')) {
      findings.push({ path: ['backends', i, 'workers'], message: message('IPv4') });
    }
  });
  return findings;
}

function familyOf(address: string): 'IPv4' | 'IPv6' {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}
