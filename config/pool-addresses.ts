import { expandAddresses, MAX_ADDRESSES } from './address-range.ts';
import { parseIpAddress } from './ip-address.ts';

/** The addresses of one pool, in order, without repeats. `report` is told of the entry that is wrong, and why. */
export function poolAddresses(
  entries: readonly string[],
  report: (index: number, message: string) => void,
): readonly string[] {
  const addresses = new Set<string>();
  for (const [i, entry] of entries.entries()) {
    const expansion = expandAddresses(entry);
    const problem = expansion.ok ? whyUnusable(expansion.addresses) : expansion.message;
    if (!expansion.ok || problem !== undefined) {
      report(i, problem!);
      continue;
    }
    // A limit for each entry alone would let a long list of blocks through.
    const wasFull = addresses.size > MAX_ADDRESSES;
    for (const address of expansion.addresses) addresses.add(address);
    if (!wasFull && addresses.size > MAX_ADDRESSES) {
      report(i, `with "${entry}" the pool has more than ${MAX_ADDRESSES} addresses`);
    }
  }
  return [...addresses];
}

function whyUnusable(addresses: readonly string[]): string | undefined {
  for (const address of addresses) {
    const reason = whyNoSource(address);
    if (reason !== undefined) return `${address} cannot be connected from: ${reason}`;
  }
  return undefined;
}

/** Undefined for an address that a socket can be bound to and connect from. */
export function whyNoSource(text: string): string | undefined {
  const { value, bits } = parseIpAddress(text)!;
  if (bits === 32) {
    if (value >> 24n === 0n) return 'it stands for no address in particular';
    if (value >> 28n === 0xen) return 'it is a multicast address';
    return value === 0xffff_ffffn ? 'it is the broadcast address' : undefined;
  }
  if (value === 0n) return 'it stands for no address in particular';
  if (value >> 120n === 0xffn) return 'it is a multicast address';
  // Bound without the number of an interface, connect() gives EINVAL.
  if (value >> 118n === 0x3fan) return 'link-local addresses are not supported';
  return value >> 32n === 0xffffn ? 'write it as the IPv4 address that it stands for' : undefined;
}
