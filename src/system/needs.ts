import { descriptorLimitFor, descriptorRoom } from '../../lb/pressure/descriptor-room.ts';
import type { Demand } from './demand.ts';
import { PORTS_PER_SOURCE } from './demand.ts';

/** A client's connection and the one to its server. */
export const DESCRIPTORS_PER_CONNECTION = 2;
/** What a plane has open besides: the runtime, listeners, the channel to the primary. Measured on Node 20: 26 with one listener, and a few that come and go. */
export const PLANE_DESCRIPTORS = 32;
/** The most that the config takes. */
export const MAX_PLANES = 256;
/** What a limit should be above what is needed: connections that come while others are still closing. */
export const MARGIN = 1.25;
/**
 * Memory of a connection that is open and idle, in bytes. Forwarded by a plane: about 8.5 KiB of the kernel for two sockets, 3 KB of the
 * plane (test/bench/RESULTS.md), rounded up. Forwarded by the kernel: an entry of its table of connections.
 */
export const CONNECTION_BYTES = 12 * 1024;
export const TRACKED_BYTES = 512;

export function isForwardedByKernel({ engines }: Demand): boolean {
  return engines.size === 1 && engines.has('kernel');
}

/** Open files of all processes for that many connections; none where the kernel forwards. */
export function descriptorsFor(demand: Demand): number {
  return isForwardedByKernel(demand) ? 0 : demand.connections * DESCRIPTORS_PER_CONNECTION;
}

/** Connections that one plane holds before it accepts no more. */
export function connectionsPerPlane(nofile: number): number {
  return Math.floor(descriptorRoom(nofile, PLANE_DESCRIPTORS).stopAt / DESCRIPTORS_PER_CONNECTION);
}

/** Planes that hold the target; Infinity where no number does. */
export function planesFor(demand: Demand, nofile: number): number {
  if (isForwardedByKernel(demand)) return 1;
  const each = connectionsPerPlane(nofile);
  return each === 0 ? Number.POSITIVE_INFINITY : Math.ceil(demand.connections / each);
}

/** Descriptors that each of so many planes needs. */
export function descriptorsPerPlane(demand: Demand, planes: number): number {
  return descriptorLimitFor(Math.ceil(descriptorsFor(demand) / planes), PLANE_DESCRIPTORS);
}

/** Source addresses that the target takes, spread over the servers. */
export function sourcesFor({ connections, destinations }: Pick<Demand, 'connections' | 'destinations'>): number {
  return Math.ceil(connections / (PORTS_PER_SOURCE * Math.max(1, destinations)));
}

/** Entries in the kernel's table of connections: one where it forwards itself, one for each side where a plane does. */
export function trackedFor(demand: Demand): number {
  return demand.connections * (isForwardedByKernel(demand) ? 1 : 2);
}

export function bytesPerConnection(demand: Demand): number {
  return isForwardedByKernel(demand) ? TRACKED_BYTES : CONNECTION_BYTES;
}
