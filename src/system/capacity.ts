import { descriptorRoom } from '../../lb/pressure/descriptor-room.ts';
import type { Demand } from './demand.ts';
import type { Facts } from './facts.ts';
import { number } from './facts.ts';
import { bytes, count } from './format.ts';
import type { Machine } from './machine.ts';
import {
  bytesPerConnection,
  connectionsPerPlane,
  DESCRIPTORS_PER_CONNECTION,
  isForwardedByKernel,
  PLANE_DESCRIPTORS,
} from './needs.ts';

/** One thing that runs out, and at how many connections. */
export interface CapacityLimit {
  readonly id: 'descriptors' | 'files' | 'watches' | 'ports' | 'per-server' | 'memory' | 'cgroup-memory' | 'conntrack';
  readonly title: string;
  readonly connections: number;
  /** The calculation with its numbers. */
  readonly formula: string;
}

/**
 * How many more connections the machine holds as it is, by what stops them, the first first. What cannot be read is left out. `used`:
 * connections that are open already and so are in what is taken of the machine.
 */
export function forecastCapacity({ machine, facts, demand, planes }: CapacityInput, used = 0): CapacityLimit[] {
  const byKernel = isForwardedByKernel(demand);
  const limits: (CapacityLimit | undefined)[] = [
    byKernel ? undefined : descriptors(facts, planes),
    byKernel ? undefined : files(machine, facts, used),
    byKernel ? undefined : watches(machine),
    ...ports(demand),
    memory('memory', 'memory', facts.availableBytes, demand, used),
    memory(
      'cgroup-memory',
      'memory of the group',
      facts.cgroup.memory && facts.cgroup.memory.max - facts.cgroup.memory.used,
      demand,
      used,
    ),
    conntrack(facts, demand, used),
  ];
  return limits.filter((limit) => limit !== undefined).sort((a, b) => a.connections - b.connections);
}

export interface CapacityInput {
  readonly machine: Machine;
  readonly facts: Facts;
  readonly demand: Demand;
  readonly planes: number;
}

function descriptors({ nofile }: Facts, planes: number): CapacityLimit | undefined {
  if (nofile === undefined || !Number.isFinite(nofile.hard)) return undefined;
  const { reserve } = descriptorRoom(nofile.hard, PLANE_DESCRIPTORS);
  return {
    id: 'descriptors',
    title: 'descriptors of the planes',
    connections: planes * connectionsPerPlane(nofile.hard),
    formula: `${planes} planes × (${count(nofile.hard)} − ${PLANE_DESCRIPTORS} − ${count(reserve)} in reserve) ÷ ${DESCRIPTORS_PER_CONNECTION}`,
  };
}

function files(machine: Machine, { openFiles = 0 }: Facts, used: number): CapacityLimit | undefined {
  const max = number(machine.sysctl('fs.file-max'));
  if (max === undefined) return undefined;
  return {
    id: 'files',
    title: 'descriptors of the machine',
    connections: used + Math.floor(Math.max(0, max - openFiles) / DESCRIPTORS_PER_CONNECTION),
    formula: `(fs.file-max ${count(max)} − ${count(openFiles)}) ÷ ${DESCRIPTORS_PER_CONNECTION}`,
  };
}

function watches(machine: Machine): CapacityLimit | undefined {
  const max = number(machine.sysctl('fs.epoll.max_user_watches'));
  if (max === undefined) return undefined;
  return {
    id: 'watches',
    title: 'sockets watched by a user',
    connections: Math.floor(max / DESCRIPTORS_PER_CONNECTION),
    formula: `fs.epoll.max_user_watches ${count(max)} ÷ ${DESCRIPTORS_PER_CONNECTION}`,
  };
}

function ports({ ports, sources, destinations }: Demand): CapacityLimit[] {
  if (ports === undefined) return [];
  const most: CapacityLimit = {
    id: 'ports',
    title: 'source ports',
    connections: ports.connections,
    formula: `usable ports of ${sources} sources towards ${destinations} servers`,
  };
  return [
    most,
    {
      id: 'per-server',
      title: 'connections_per_server',
      connections: ports.perServer,
      formula: `× servers × planes, for WebSockets and requests under way${ports.stalled === 0 ? '' : `; up to ${ports.stalled} more for answers that their clients do not read`}`,
    },
  ];
}

function memory(
  id: 'memory' | 'cgroup-memory',
  title: string,
  free: number | undefined,
  demand: Demand,
  used: number,
): CapacityLimit | undefined {
  if (free === undefined) return undefined;
  const each = bytesPerConnection(demand);
  return {
    id,
    title,
    connections: used + Math.floor(Math.max(0, free) / each),
    formula: `${bytes(Math.max(0, free))} free ÷ ${bytes(each)}`,
  };
}

function conntrack({ conntrack: table }: Facts, demand: Demand, used: number): CapacityLimit | undefined {
  // Loaded, but no rule asks for it: nothing is followed.
  if (table === undefined || (table.count === 0 && !demand.engines.has('kernel'))) return undefined;
  const each = isForwardedByKernel(demand) ? 1 : 2;
  return {
    id: 'conntrack',
    title: 'connections followed',
    connections: used + Math.floor(Math.max(0, table.max - table.count) / each),
    formula: `(nf_conntrack_max ${count(table.max)} − ${count(table.count)}) ÷ ${each}`,
  };
}
