import { formatIpAddress, parseIpAddress } from './ip-address.ts';

/** Against typing a /8: more addresses than one machine can use for this. */
export const MAX_ADDRESSES = 4096;

export type Expansion =
  | { readonly ok: true; readonly addresses: readonly string[] }
  | { readonly ok: false; readonly message: string };

/**
 * The addresses of `10.0.0.7`, `127.0.1.1-127.0.1.4`, `10.0.0.0/29` or the same in IPv6, in order, in canonical form. An IPv4 block with
 * room for them leaves out its network and broadcast addresses.
 */
export function expandAddresses(text: string): Expansion {
  const dash = text.indexOf('-');
  const slash = text.indexOf('/');
  if (dash > 0) return expandRange(text.slice(0, dash).trim(), text.slice(dash + 1).trim(), text);
  if (slash > 0) return expandBlock(text.slice(0, slash), text.slice(slash + 1), text);
  const address = parseIpAddress(text);
  if (address === undefined) return fail(`"${text}" is not an IP address, a range (a-b) or a block (a/n)`);
  return { ok: true, addresses: [formatIpAddress(address)] };
}

function fail(message: string): Expansion {
  return { ok: false, message };
}

function expandRange(from: string, to: string, text: string): Expansion {
  const first = parseIpAddress(from);
  const last = parseIpAddress(to);
  if (first === undefined || last === undefined)
    return fail(`"${first === undefined ? from : to}" in "${text}" is not an IP address`);
  if (first.bits !== last.bits) return fail(`"${text}" mixes IPv4 and IPv6`);
  if (first.value > last.value) return fail(`"${text}" runs backwards`);
  return list(first.value, last.value, first.bits, text);
}

function expandBlock(base: string, prefix: string, text: string): Expansion {
  const address = parseIpAddress(base);
  if (address === undefined) return fail(`"${base}" in "${text}" is not an IP address`);
  const length = /^\d{1,3}$/.test(prefix) ? Number(prefix) : 999;
  if (length > address.bits) return fail(`"/${prefix}" in "${text}" is not a prefix length from 0 to ${address.bits}`);
  const size = 1n << BigInt(address.bits - length);
  const first = address.value - (address.value % size);
  const hasEnds = address.bits === 32 && length < 31;
  return list(hasEnds ? first + 1n : first, hasEnds ? first + size - 2n : first + size - 1n, address.bits, text);
}

function list(first: bigint, last: bigint, bits: 32 | 128, text: string): Expansion {
  if (last - first >= BigInt(MAX_ADDRESSES)) return fail(`"${text}" is more than ${MAX_ADDRESSES} addresses`);
  const addresses: string[] = [];
  for (let value = first; value <= last; value++) addresses.push(formatIpAddress({ value, bits }));
  return { ok: true, addresses };
}
