import { isIPv4, isIPv6 } from 'node:net';

/** Against typing a /8: more addresses than one machine can use for this. */
const MAX_ADDRESSES = 4096;

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
  const address = parse(text);
  if (address === undefined) return fail(`"${text}" is not an IP address, a range (a-b) or a block (a/n)`);
  return { ok: true, addresses: [format(address)] };
}

interface Address {
  readonly value: bigint;
  readonly bits: 32 | 128;
}

function fail(message: string): Expansion {
  return { ok: false, message };
}

function expandRange(from: string, to: string, text: string): Expansion {
  const first = parse(from);
  const last = parse(to);
  if (first === undefined || last === undefined)
    return fail(`"${first === undefined ? from : to}" in "${text}" is not an IP address`);
  if (first.bits !== last.bits) return fail(`"${text}" mixes IPv4 and IPv6`);
  if (first.value > last.value) return fail(`"${text}" runs backwards`);
  return list(first.value, last.value, first.bits, text);
}

function expandBlock(base: string, prefix: string, text: string): Expansion {
  const address = parse(base);
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
  for (let value = first; value <= last; value++) addresses.push(format({ value, bits }));
  return { ok: true, addresses };
}

function parse(text: string): Address | undefined {
  if (isIPv4(text)) {
    return { value: text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n), bits: 32 };
  }
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return { value: parseSix(text), bits: 128 };
}

function parseSix(text: string): bigint {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const plain =
    dotted === null
      ? text
      : `${dotted[1]}${(Number(dotted[2]) * 256 + Number(dotted[3])).toString(16)}:${(Number(dotted[4]) * 256 + Number(dotted[5])).toString(16)}`;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

/** IPv6 as RFC 5952 writes it. */
function format({ value, bits }: Address): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - i * 16)) & 65535n));
  let start = -1;
  let longest = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > longest) {
      longest = end - i;
      start = i;
    }
    if (end > i) i = end;
  }
  const hex = groups.map((group) => group.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + longest).join(':')}`;
}
