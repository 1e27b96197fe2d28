import { isIPv4, isIPv6 } from 'node:net';

/** An IP address as a number. */
export interface IpAddress {
  readonly value: bigint;
  readonly bits: 32 | 128;
}

/** Undefined for what is no address. Scoped ones (`fe80::1%eth0`) count as none: a scope means nothing on another machine. */
export function parseIpAddress(text: string): IpAddress | undefined {
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

/** The one way to write it, IPv6 as in RFC 5952; equal addresses give equal text. */
export function formatIpAddress({ value, bits }: IpAddress): string {
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
