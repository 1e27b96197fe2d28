import type { SourcePoolConfig } from '../../config/config.ts';
import type { PortSettings } from '../kernel/port-settings.ts';
import type { PortRun } from './port-block.ts';
import { isLoopbackAddress } from './tcp-settings.ts';

/**
 * The ports of a pool's range that may be used of an address. Of one that is not claimed, other programs connect from, too, and the
 * kernel chooses their ports from `ip_local_port_range`: those are left to it, as a port that one side has bound is lost to the other.
 * Ports that the kernel keeps out of its choice because they are reserved for Portico (`reserved_ports: use`) are not. Loopback addresses
 * other than 127.0.0.1 and ::1 are nobody's choice.
 */
export function usableRanges(
  { ports, claim, reservedPorts }: Pick<SourcePoolConfig, 'ports' | 'claim' | 'reservedPorts'>,
  address: string,
  { local, reserved }: PortSettings,
): PortRun[] {
  const whole: PortRun[] = [{ first: ports.low, last: ports.high }];
  const isShared = !claim && (!isLoopbackAddress(address) || address === '127.0.0.1' || address === '::1');
  if (!isShared) return whole;
  const rest = subtract(whole, { first: local.low, last: local.high });
  if (reservedPorts === 'avoid') return rest;
  const kept = reserved.flatMap(({ low, high }) => {
    const first = Math.max(low, local.low, ports.low);
    const last = Math.min(high, local.high, ports.high);
    return first <= last ? [{ first, last }] : [];
  });
  return [...rest, ...kept].sort((a, b) => a.first - b.first);
}

function subtract(runs: readonly PortRun[], hole: PortRun): PortRun[] {
  return runs.flatMap(({ first, last }) =>
    [
      { first, last: Math.min(last, hole.first - 1) },
      { first: Math.max(first, hole.last + 1), last },
    ].filter((run) => run.first <= run.last),
  );
}
