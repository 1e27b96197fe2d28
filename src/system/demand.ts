import type { Config, ListenerConfig } from '../../config/config.ts';
import type { PortSettings } from '../../lb/kernel/port-settings.ts';
import { isLoopbackAddress } from '../../lb/source/tcp-settings.ts';
import { usableRanges } from '../../lb/source/usable-ranges.ts';

/** What the machine is to carry. */
export interface Demand {
  /** Client connections open at once. */
  readonly connections: number;
  /** Data-plane processes; undefined: as many as it takes. */
  readonly planes: number | undefined;
  readonly engines: ReadonlySet<ListenerConfig['engine']>;
  /** The kernel engine forwards IPv6. */
  readonly forwardsSix: boolean;
  /** Addresses are added to an interface that has neighbours. */
  readonly claims: boolean;
  readonly sources: number;
  /** Servers. */
  readonly destinations: number;
  /** Other programs connect from the same addresses, so that the kernel's choice of ports and Portico's must not meet. */
  readonly sharesAddresses: boolean;
  /** The pool says that the kernel's reserved ports are reserved for it. */
  readonly usesReserved: boolean;
  readonly listenerPorts: readonly number[];
  readonly workers: number;
  /** Of a config: how many connections its sources, ports and servers make possible. */
  readonly ports: PortDemand | undefined;
}

export interface PortDemand {
  /** Over all sources and destinations, without what health checks keep. */
  readonly connections: number;
  /** Towards the server that has least. */
  readonly leastToOne: number;
  /** `connections_per_server` of every server, over all planes. */
  readonly perServer: number;
  /** Besides those, `stalled_per_server` of every server: connections whose answer waits for a client that does not read it. */
  readonly stalled: number;
}

/** Connections at once that a machine is looked at for, where nobody says. */
export const DEFAULT_TARGET = 200_000;
/** Ports of a source address that nothing is known of: those from 1024 on. */
export const PORTS_PER_SOURCE = 64_512;
/** Checks of servers hold a block of ports of each pool. */
const HEALTH_PORTS = 16;

/** Without a config: as many claimed or loopback sources as it takes, towards one server. */
export function plainDemand(connections: number, overrides: Partial<Demand> = {}): Demand {
  return {
    connections,
    planes: undefined,
    engines: new Set(['http']),
    forwardsSix: false,
    claims: false,
    sources: Math.ceil(connections / PORTS_PER_SOURCE),
    destinations: 1,
    sharesAddresses: false,
    usesReserved: false,
    listenerPorts: [],
    workers: 0,
    ports: undefined,
    ...overrides,
  };
}

export function demandOf(config: Config, connections: number, settings: PortSettings): Demand {
  const { sources, backends, listeners, planes } = config;
  const shared = sources.filter(
    ({ claim, addresses }) =>
      !claim && addresses.some((a) => !isLoopbackAddress(a) || a === '127.0.0.1' || a === '::1'),
  );
  return {
    connections,
    planes,
    engines: new Set(listeners.map(({ engine }) => engine)),
    forwardsSix: listeners.some(({ engine, host }) => engine === 'kernel' && host.includes(':')),
    claims: sources.some(({ claim, interface: name }) => claim && name !== 'lo'),
    sources: sources.reduce((sum, { addresses }) => sum + addresses.length, 0),
    destinations: backends.reduce((sum, backend) => sum + serverCount(backend), 0),
    sharesAddresses: shared.length > 0,
    usesReserved: shared.some(({ reservedPorts }) => reservedPorts === 'use'),
    listenerPorts: listeners.map(({ port }) => port).filter((port) => port > 0),
    workers: backends.reduce((sum, { workers }) => sum + (workers?.count ?? 0), 0),
    ports: portDemand(config, settings),
  };
}

function portDemand({ sources, backends, planes }: Config, settings: PortSettings): PortDemand {
  let connections = 0;
  let perServer = 0;
  let stalled = 0;
  let leastToOne = Number.POSITIVE_INFINITY;
  const seen = new Set<string>();
  for (const backend of backends) {
    const pool = sources.find(({ name }) => name === backend.source)!;
    const usable = pool.addresses.reduce(
      (sum, address) =>
        sum + usableRanges(pool, address, settings).reduce((all, { first, last }) => all + last - first + 1, 0),
      0,
    );
    const free = Math.max(0, usable - (backend.health === undefined ? 0 : HEALTH_PORTS));
    leastToOne = Math.min(leastToOne, free);
    perServer += serverCount(backend) * backend.connectionsPerServer * planes;
    stalled += serverCount(backend) * backend.stalledPerServer * planes;
    // The same server behind two names shares its ports.
    const named = (backend.names ?? []).map(({ name, port }) => `${pool.name} ${name} ${port}`);
    const keys = [...backend.servers.map(({ host, port }) => `${pool.name} ${host} ${port}`), ...named];
    const fresh = keys.filter((key) => !seen.has(key));
    for (const key of fresh) seen.add(key);
    connections += free * (fresh.length + (backend.workers?.count ?? 0));
  }
  return { connections, leastToOne, perServer, stalled };
}

/** What a name stands for is not known here: it counts as one server. */
function serverCount({ servers, names = [], workers }: Config['backends'][number]): number {
  return workers?.count ?? servers.length + names.length;
}
