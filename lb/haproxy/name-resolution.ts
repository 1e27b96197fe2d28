import { isIP } from 'node:net';
import type { HaproxyPlan, HaproxyServer } from './haproxy-plan.ts';
import { quote } from './quote.ts';

const SECTION = 'portico';

const isName = ({ host }: Pick<HaproxyServer, 'host'>): boolean => isIP(host) === 0;

/** Of servers that HAProxy itself looks up, as it does where it runs alone. Each of their lines has one of the addresses, which may be the same. */
export function resolverWords(server: Pick<HaproxyServer, 'host'>): string[] {
  if (!isName(server)) return [];
  return [`resolvers ${SECTION} init-addr last,libc,none resolve-prefer ipv4 resolve-opts allow-dup-ip`];
}

/** The section that those words name; nothing where no server has a name. */
export function resolverSection({ servers, resolver }: Pick<HaproxyPlan, 'servers' | 'resolver'>): string[] {
  if (resolver === undefined || ![...servers.values()].some((all) => all.some(isName))) return [];
  const { nameservers, minTtlMs, timeoutMs, holdMs } = resolver;
  return [
    `resolvers ${SECTION}`,
    ...(nameservers === undefined
      ? ['  parse-resolv-conf']
      : nameservers.map((address, i) => `  nameserver ns${i + 1} ${quote(address)}`)),
    '  accepted_payload_size 8192',
    `  timeout resolve ${minTtlMs}ms`,
    `  timeout retry ${Math.max(1, Math.floor(timeoutMs / 4))}ms`,
    `  hold obsolete ${holdMs}ms`,
    // HAProxy drops the servers of a name that is not answered after these; Portico keeps them.
    ...['nx', 'refused', 'timeout', 'other'].map((what) => `  hold ${what} 24d`),
  ];
}
