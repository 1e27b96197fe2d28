import { stringify } from 'yaml';
import type { ListenerConfig } from '../../../config/config.ts';

/** What the walk-through has found out. */
export interface SetupAnswers {
  readonly connections: number;
  readonly engine: ListenerConfig['engine'];
  /** Address and port. */
  readonly listen: string;
  /** Addresses with ports; none: workers that Portico runs itself. */
  readonly servers: readonly string[];
  readonly workers: number;
  /** Addresses, ranges or blocks. */
  readonly sources: readonly string[];
  readonly claim: boolean;
  readonly interface: string;
  readonly planes: number;
  /** Addresses that the sources could be given besides. */
  readonly candidates: { readonly interface: string; readonly addresses: string } | undefined;
}

/** Uneven shares of planes and servers. */
const MARGIN = 1.25;
const LEAST_PER_SERVER = 256;
const MOST_PER_SERVER = 65_535;

/** A portico.yaml. */
export function configText(answers: SetupAnswers): string {
  const { connections, engine, listen, servers, workers, sources, claim, planes, candidates } = answers;
  const each = Math.ceil((connections * MARGIN) / planes / Math.max(1, servers.length || workers));
  const perServer = Math.min(MOST_PER_SERVER, Math.max(LEAST_PER_SERVER, each));
  const backend = {
    name: 'app',
    ...(engine === 'http' ? { connections_per_server: perServer } : {}),
    ...(servers.length === 0
      ? { pipelining: 16, health: { path: '/healthz' }, workers: { module: 'builtin:echo', count: workers } }
      : { health: {}, servers: servers.map((address) => ({ address })) }),
  };
  const listener = {
    name: 'front',
    bind: listen,
    ...(engine === 'http' ? {} : { engine }),
    ...(engine === 'haproxy' ? { mode: 'http' } : {}),
    backend: 'app',
  };
  const source = {
    name: 'default',
    addresses: [...sources],
    ...(claim ? { claim, interface: answers.interface } : {}),
  };
  const hint =
    candidates === undefined
      ? ''
      : `# More sources, if your network gives these to this machine: ${candidates.addresses}
# on ${candidates.interface}, with claim: true and interface: ${candidates.interface}.\n`;
  return `# Written by \`portico setup\` for ${connections} connections at once; every key is in config/REFERENCE.md.
${hint}${stringify({ planes, sources: [source], listeners: [listener], backends: [backend], admin: { listen: '127.0.0.1:9797' } })}`;
}
