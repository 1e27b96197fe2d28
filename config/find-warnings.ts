import { orderedNames } from './acme-config.ts';
import type { Config } from './config.ts';
import type { Finding } from './finding.ts';
import { backendsOf, takesEverything } from './route-config.ts';
import type { ConfigFile } from './schema.ts';
import { serverPath } from './server-path.ts';

/** What is allowed, and probably not what was meant. Only for a file without faults. */
export function findWarnings(file: ConfigFile, config: Config): Finding[] {
  return [
    ...deadRoutes(config),
    ...unused(file, config),
    ...farServers(file, config),
    ...unreachableAcme(file, config),
  ];
}

function deadRoutes({ listeners }: Config): Finding[] {
  return listeners.flatMap(({ routes }, i) => {
    const last = routes.findIndex(takesEverything);
    if (last < 0 || last === routes.length - 1) return [];
    const message = `never reached: listeners[${i}].routes[${last}] takes every request`;
    return [{ path: ['listeners', i, 'routes', last + 1], message }];
  });
}

function unused(file: ConfigFile, config: Config): Finding[] {
  const routed = new Set(
    config.listeners.flatMap(({ routes }) =>
      routes.flatMap((route) => [...backendsOf(route), ...(route.mirror === undefined ? [] : [route.mirror.backend])]),
    ),
  );
  const sourced = new Set(config.backends.map(({ source }) => source));
  const findings: Finding[] = [];
  file.backends.forEach(({ name }, i) => {
    if (!routed.has(name))
      findings.push({ path: ['backends', i, 'name'], message: `no listener uses backend "${name}"` });
  });
  file.sources?.forEach(({ name }, i) => {
    if (!sourced.has(name)) {
      findings.push({ path: ['sources', i, 'name'], message: `no backend uses source pool "${name}"` });
    }
  });
  return findings;
}

function unreachableAcme({ acme }: ConfigFile, config: Config): Finding[] {
  if (acme === undefined) return [];
  const path = ['acme'];
  if (orderedNames(config).length === 0) return [{ path, message: 'no listener has names to order for in "tls.acme"' }];
  const isByTls = config.acme?.challenge === 'tls-alpn-01';
  const port = isByTls ? 443 : 80;
  const isThere = config.listeners.some((each) =>
    isByTls ? each.tls !== undefined && each.port === port : each.engine === 'http' && !each.tls && each.port === port,
  );
  if (isThere) return [];
  const what = isByTls ? 'listener with "tls"' : 'http listener without "tls"';
  const message = `no ${what} is at port ${port}, where the authority looks; something must lead it from there to one`;
  return [{ path, message }];
}

/** The kernel routes nothing from a loopback address to another machine: connect() gives EINVAL. The server may still be this machine. */
function farServers(file: ConfigFile, config: Config): Finding[] {
  return config.backends.flatMap((backend, i) => {
    const pool = config.sources.find(({ name }) => name === backend.source)!;
    if (!pool.addresses.every(isLoopback)) return [];
    const far = backend.servers.find(({ host }) => !isLoopback(host));
    if (far === undefined) return [];
    const message = `source pool "${pool.name}" has loopback addresses only, which reach this server only if it is on this machine`;
    return [{ path: [...serverPath(file, i, far), 'address'], message }];
  });
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
