import { busyAfter, type PortFlow } from './exhaustion-seconds.ts';

const MAX_SHARE = 0.8;
const HORIZON_SECONDS = 600;

/**
 * How many addresses with `portsPerAddress` ports the pool needs besides its own, so that at most 80 % of its ports are held: in the
 * long run, or ten minutes from now where the hold time is longer than that, as the long run is then nothing that one can see yet. While
 * ports are out, connections are refused that the lease rate does not count: the number is the least, not the whole need.
 */
export function addressesToAdd(flow: PortFlow, portsPerAddress: number): number {
  if (portsPerAddress <= 0) return 0;
  const settled =
    flow.holdSeconds <= HORIZON_SECONDS ? flow.leaseRate * flow.holdSeconds : busyAfter(flow, HORIZON_SECONDS);
  // Where none is left, what is held now is the least that is needed.
  const most = flow.busy >= flow.capacity ? Math.max(flow.busy, settled) : settled;
  return Math.max(0, Math.ceil((most / MAX_SHARE - flow.capacity) / portsPerAddress));
}
