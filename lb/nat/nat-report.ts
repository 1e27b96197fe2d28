import type { TrafficMetrics } from '../metrics/plane-metrics.ts';
import { BLOCK_SHIFT, BLOCKS_PER_ADDRESS } from '../source/port-block.ts';
import type { PortUse } from '../source/port-use.ts';
import type { NatPorts } from './nat-ports.ts';
import type { NatTargets, Target } from './nat-targets.ts';

/** What the rules counted, added up over tables that came one after the other. */
export interface NatCounts {
  /** First packets by listener. */
  readonly accepted: ReadonlyMap<string, number>;
  /** Of them, those refused because no server had a port, or none was there; by listener. */
  readonly refused: ReadonlyMap<string, number>;
  /** Connections by target. */
  readonly connects: ReadonlyMap<number, number>;
  readonly unplaced: number;
  readonly insertFailed: number;
  /** Packets that the kernel dropped for want of room in the connection tracking table. */
  readonly tableFull: number;
  /** Times that the rules were gone or changed by someone else, and put back. */
  readonly restored: number;
}

export interface ReportInput {
  readonly listeners: readonly {
    readonly name: string;
    readonly protocol: 'tcp' | 'udp';
    readonly port: number;
    readonly pool: string;
  }[];
  readonly servers: readonly { readonly backend: string; readonly server: string; readonly target: Target }[];
  readonly counts: NatCounts;
  readonly ports: NatPorts;
  readonly targets: NatTargets;
}

/** The same figures as the engines give that relay: the API and the metrics see no difference. */
export function natReport({ listeners, servers, counts, ports, targets }: ReportInput): TrafficMetrics {
  const refusedBy = new Map<string, number>();
  for (const { name, pool } of listeners) {
    refusedBy.set(pool, (refusedBy.get(pool) ?? 0) + (counts.refused.get(name) ?? 0));
  }
  return {
    listeners: listeners.map(({ name, protocol, port }) => ({
      listener: name,
      connections: targets.heldBy(protocol, port),
      connectionsTotal: counts.accepted.get(name) ?? 0,
      webSockets: 0,
      rejected: [],
    })),
    requests: [],
    servers: servers.map(({ backend, server, target }) => ({
      backend,
      server,
      active: usedOf(ports, target),
      idle: 0,
      connectsTotal: counts.connects.get(target.id) ?? 0,
      connectFailuresTotal: 0,
      answersTotal: 0,
      answerSeconds: 0,
      ejected: 0,
      ejectionsTotal: 0,
    })),
    streams: [],
    retries: [],
    ports: targets.all.flatMap((target) => portsOf(ports, target)),
    exhausted: [...refusedBy].map(([pool, count]) => ({ pool, outcome: 'refused', count })),
    drift: [
      { kind: 'insert-failed', count: counts.insertFailed },
      { kind: 'table-full', count: counts.tableFull },
      { kind: 'unplaced', count: counts.unplaced },
      { kind: 'rules-restored', count: counts.restored },
    ],
    queueDepth: [],
  };
}

/** Connections to the target that are open, those opened since the last reading too. */
export function usedOf(ports: NatPorts, { pool, family, steering }: Target): number {
  return ports.usable(pool, family).reduce((sum, run) => sum + steering.usedOf(run), 0);
}

function portsOf(ports: NatPorts, target: Target): TrafficMetrics['ports'] {
  const { pool, family, name, steering } = target;
  const bySource = new Map<string, { free: number; used: number; quarantined: number }>();
  for (const run of ports.usable(pool, family)) {
    const sum = bySource.get(run.address) ?? { free: 0, used: 0, quarantined: 0 };
    bySource.set(run.address, sum);
    const { quarantined } = steering.ports.countsOf(run);
    sum.used += steering.usedOf(run);
    sum.quarantined += quarantined;
    sum.free += steering.freeOf(run);
  }
  return [...bySource].map(([source, counts]) => ({
    pool,
    source,
    destination: name,
    ...counts,
    unusable: 0,
    leases: steering.leasesOf(source),
  }));
}

/** By block, for the port map. */
export function natPortUse(
  { ports, targets }: Pick<ReportInput, 'ports' | 'targets'>,
  filter: { readonly source?: string; readonly destination?: string },
): PortUse[] {
  const uses = new Map<string, PortUse>();
  for (const { pool, family, name, steering } of targets.all) {
    if (filter.destination !== undefined && filter.destination !== name) continue;
    for (const run of ports.usable(pool, family)) {
      if (filter.source !== undefined && filter.source !== run.address) continue;
      const key = `${pool} ${run.address} ${name}`;
      let use = uses.get(key);
      if (use === undefined) {
        const empty = (): Uint8Array => new Uint8Array(BLOCKS_PER_ADDRESS);
        use = {
          pool,
          source: run.address,
          destination: name,
          used: empty(),
          quarantined: empty(),
          unusable: empty(),
        };
        uses.set(key, use);
      }
      const block = run.first >>> BLOCK_SHIFT;
      use.used[block]! += steering.usedOf(run);
      use.quarantined[block]! += steering.ports.countsOf(run).quarantined;
    }
  }
  return [...uses.values()];
}
