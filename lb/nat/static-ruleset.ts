import type { BackendConfig, Config, ListenerConfig } from '../../config/config.ts';
import { takesEverything } from '../../config/route-config.ts';
import { cutIntoBlocks } from '../source/port-block.ts';

export interface StaticRuleset {
  readonly text: string;
  /** What is not in it, in words. */
  readonly leftOut: readonly string[];
}

const isSix = (address: string): boolean => address.includes(':');

/**
 * Rules for `nft -f` that forward without Portico. What they cannot do is know which ports are taken: each new connection gets the next
 * block of 128 ports, as far as the kernel's own search for a free one always goes, and where that block is full its first packet is dropped
 * and sent again.
 */
export function staticRuleset(config: Config): StaticRuleset {
  const leftOut: string[] = [];
  const rules: string[] = [];
  const destinations = new Map<string, { readonly pool: string; readonly match: string; readonly six: boolean }>();
  for (const listener of config.listeners) {
    const backend = onlyBackend(listener, config);
    if (backend === undefined) {
      leftOut.push(`listener "${listener.name}": the kernel sees no requests, so it cannot route by them`);
      continue;
    }
    for (const { name } of backend.names ?? [])
      leftOut.push(`backend "${backend.name}": ${name} is a name, and the kernel looks up none; give it addresses`);
    if (backend.servers.length === 0) {
      if (backend.workers !== undefined)
        leftOut.push(`listener "${listener.name}": its servers are workers that Portico runs`);
      continue;
    }
    if (backend.health !== undefined) leftOut.push(`backend "${backend.name}": nobody checks its servers`);
    rules.push(`    # listener ${listener.name} to backend ${backend.name}`);
    for (const six of [false, true]) rules.push(...forward(listener, backend, six).map((rule) => `    ${rule}`));
    for (const { host, port } of backend.servers) {
      const six = isSix(host);
      const match = `${six ? 'ip6' : 'ip'} daddr ${host} ${listener.protocol} dport ${port}`;
      destinations.set(`${backend.source} ${match}`, { pool: backend.source, match, six });
    }
  }
  const chains: string[] = [];
  const translations = [...destinations.values()].flatMap(({ pool, match, six }) => {
    const name = `${chainName(pool)}_${six ? 6 : 4}`;
    return blocksOf(config, pool, six) === 0 ? [] : [`    ${match} ct status dnat goto ${name}`];
  });
  for (const { name } of config.sources) {
    for (const six of [false, true]) {
      const isUsed = [...destinations.values()].some((each) => each.pool === name && each.six === six);
      if (isUsed) chains.push(...sourceChains(config, name, six));
    }
  }
  const text = [
    'table inet portico_static {',
    ...chains,
    '  chain servers {',
    '    type nat hook prerouting priority dstnat; policy accept;',
    ...rules,
    '  }',
    '',
    '  chain sources {',
    '    type nat hook postrouting priority srcnat; policy accept;',
    ...translations,
    '  }',
    '}',
    '',
  ].join('\n');
  return { text, leftOut };
}

function onlyBackend({ routes }: ListenerConfig, { backends }: Config): BackendConfig | undefined {
  const [first] = routes;
  if (first?.backend === undefined || !takesEverything(first)) return undefined;
  return backends.find(({ name }) => name === first.backend);
}

function forward({ host, port, protocol }: ListenerConfig, { servers }: BackendConfig, six: boolean): string[] {
  const family = six ? 'ip6' : 'ip';
  const isEveryone = host === '0.0.0.0' || host === '::';
  if (host !== '::' && isSix(host) !== six) return [];
  const own = servers.filter((server) => isSix(server.host) === six && server.weight > 0 && !server.backup);
  if (own.length === 0) return [];
  const divisor = own.map(({ weight }) => weight).reduce(greatestCommonDivisor);
  const turns = own.flatMap((server) => Array.from({ length: server.weight / divisor }, () => server));
  const to = turns.map((server, i) => `${i} : ${server.host} . ${server.port}`).join(', ');
  const where = isEveryone ? `meta nfproto ${six ? 'ipv6' : 'ipv4'} fib daddr type local` : `${family} daddr ${host}`;
  return [`${where} ${protocol} dport ${port} dnat ${family} to numgen inc mod ${turns.length} map { ${to} }`];
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

const chainName = (pool: string): string => `pool_${pool.replaceAll(/[^A-Za-z0-9_]/g, '_')}`;

function blocksOf({ sources }: Config, pool: string, six: boolean): number {
  return sources.find(({ name }) => name === pool)!.addresses.filter((address) => isSix(address) === six).length;
}

/** The blocks of the sources in turn, so that neighbours in the order are other addresses. */
function sourceChains({ sources }: Config, pool: string, six: boolean): string[] {
  const { addresses, ports } = sources.find(({ name }) => name === pool)!;
  const own = addresses.filter((address) => isSix(address) === six);
  if (own.length === 0) return [];
  const name = `${chainName(pool)}_${six ? 6 : 4}`;
  const targets = cutIntoBlocks(ports.low, ports.high).flatMap(({ first, last }) =>
    own.map((address) => `${six ? `[${address}]` : address}:${first}-${last}`),
  );
  const verdicts = targets.map((_, i) => `${i} : goto ${name}_${i}`).join(', ');
  return [
    ...targets.map(
      (target, i) => `  chain ${name}_${i} { meta l4proto { tcp, udp } snat ${six ? 'ip6' : 'ip'} to ${target}; }`,
    ),
    `  chain ${name} {`,
    `    numgen inc mod ${targets.length} vmap { ${verdicts} }`,
    '  }',
    '',
  ];
}
