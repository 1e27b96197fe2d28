import { formatIpAddress, parseIpAddress } from '../../../config/ip-address.ts';

/** An IPv4 address of this machine. */
export interface HostAddress {
  readonly interface: string;
  readonly address: string;
  readonly prefixLength: number;
}

/**
 * `count` addresses in a row at the upper end of a network of this machine that neither it nor a neighbour has: a suggestion, since only
 * who runs the network knows what is free. Undefined where no network has so many.
 */
export function findCandidates(
  own: readonly HostAddress[],
  neighbours: ReadonlySet<string>,
  count: number,
): { readonly interface: string; readonly addresses: string } | undefined {
  if (count < 1) return undefined;
  const taken = new Set([...neighbours, ...own.map(({ address }) => address)]);
  for (const { interface: name, address, prefixLength } of own) {
    const value = parseIpAddress(address)?.value;
    if (value === undefined || prefixLength > 30) continue;
    const size = 1n << BigInt(32 - prefixLength);
    const network = value - (value % size);
    // Neither the network's own address nor the one of everybody.
    const lowest = network + 1n > network + size - 4097n ? network + 1n : network + size - 4097n;
    let last = network + size - 2n;
    let free = 0;
    for (let at = last; at >= lowest && free < count; at--) {
      if (taken.has(text(at))) {
        free = 0;
        last = at - 1n;
      } else free++;
    }
    if (free < count) continue;
    const first = last - BigInt(count - 1);
    return { interface: name, addresses: count === 1 ? text(last) : `${text(first)}-${text(last)}` };
  }
  return undefined;
}

/** `/proc/net/arp`. */
export function parseNeighbours(table: string): Set<string> {
  return new Set(
    table
      .split('\n')
      .slice(1)
      .map((line) => line.split(/\s+/)[0]!)
      .filter((word) => word !== ''),
  );
}

const text = (value: bigint): string => formatIpAddress({ value, bits: 32 });
