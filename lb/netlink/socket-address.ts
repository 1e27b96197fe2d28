import { parseIpAddress } from '../../config/ip-address.ts';

/** The 16 bytes of an address, IPv4 as ::ffff:a.b.c.d. Throws RangeError for what is no IP address. */
export function mappedBytes(address: string): Uint8Array {
  const parsed = parseIpAddress(address);
  if (parsed === undefined) throw new RangeError(`"${address}" is not an IP address`);
  let { value } = parsed;
  if (parsed.bits === 32) value |= 0xffff_0000_0000n;
  const bytes = new Uint8Array(16);
  for (let i = 15; i >= 0; i--) {
    bytes[i] = Number(value & 0xffn);
    value >>= 8n;
  }
  return bytes;
}

export function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
}

/** Finds the place of a local address among the sources without making an object for it. */
export class SocketAddressTable {
  private readonly words: Uint32Array;
  private readonly places = new Map<number, number[]>();

  /** Throws RangeError for what is no IP address. */
  constructor(addresses: readonly string[]) {
    this.words = new Uint32Array(addresses.length * 4);
    addresses.forEach((address, i) => {
      const bytes = new DataView(mappedBytes(address).buffer);
      for (let k = 0; k < 4; k++) this.words[i * 4 + k] = bytes.getUint32(k * 4);
      const key = hash(this.words[i * 4]!, this.words[i * 4 + 1]!, this.words[i * 4 + 2]!, this.words[i * 4 + 3]!);
      const places = this.places.get(key) ?? [];
      this.places.set(key, places);
      places.push(i);
    });
  }

  /** The address as four words in network order, IPv4 mapped. 65535 where it is none of the sources. */
  find(a: number, b: number, c: number, d: number): number {
    const places = this.places.get(hash(a, b, c, d));
    if (places === undefined) return 65_535;
    const { words } = this;
    for (const i of places)
      if (words[i * 4] === a && words[i * 4 + 1] === b && words[i * 4 + 2] === c && words[i * 4 + 3] === d) return i;
    return 65_535;
  }
}

/** A small integer, which V8 keeps without an object. */
function hash(a: number, b: number, c: number, d: number): number {
  return (
    (Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35) ^ Math.imul(d, 0x27d4eb2f)) >> 2
  );
}
