import { type IpAddress, parseIpAddress } from '../../config/ip-address.ts';
import { V2_HEAD_BYTES, V2_LOCAL, V2_PROXY, V2_SIGNATURE, V2_TCP4, V2_TCP6 } from './constants.ts';
import type { ProxiedAddresses } from './proxied-addresses.ts';

export type ProxyVersion = 'v1' | 'v2';

/** What a dual-stack socket calls an IPv4 client: ::ffff:0:0/96 (RFC 4291 §2.5.5.2). */
const MAPPED = 0xffffn;

/**
 * The header that a connection to a server starts with. Without addresses it says that the connection is our own, as for a health check.
 */
export function writeProxyHeader(version: ProxyVersion, addresses: ProxiedAddresses | undefined): Buffer {
  const source = unmap(addresses?.source.address);
  const destination = unmap(addresses?.destination.address);
  if (addresses === undefined || source === undefined || destination === undefined) return writeLocal(version);
  if (version === 'v2') return writeV2(addresses, source, destination);
  const isSix = source.bits === 128 || destination.bits === 128;
  const text = isSix ? textOfSix : textOfFour;
  return Buffer.from(
    `PROXY ${isSix ? 'TCP6' : 'TCP4'} ${text(source)} ${text(destination)} ${addresses.source.port} ${addresses.destination.port}\r\n`,
    'latin1',
  );
}

function writeLocal(version: ProxyVersion): Buffer {
  if (version === 'v1') return Buffer.from('PROXY UNKNOWN\r\n', 'latin1');
  return Buffer.concat([V2_SIGNATURE, Buffer.from([V2_LOCAL, 0, 0, 0])]);
}

function writeV2(
  { source: from, destination: to }: ProxiedAddresses,
  source: IpAddress,
  destination: IpAddress,
): Buffer {
  const isSix = source.bits === 128 || destination.bits === 128;
  const half = isSix ? 16 : 4;
  const header = Buffer.alloc(V2_HEAD_BYTES + 2 * half + 4);
  V2_SIGNATURE.copy(header);
  header[12] = V2_PROXY;
  header[13] = isSix ? V2_TCP6 : V2_TCP4;
  header.writeUInt16BE(2 * half + 4, 14);
  const put = (address: IpAddress, at: number): void => {
    const { value } = isSix ? widen(address) : address;
    header.write(value.toString(16).padStart(2 * half, '0'), at, 'hex');
  };
  put(source, V2_HEAD_BYTES);
  put(destination, V2_HEAD_BYTES + half);
  header.writeUInt16BE(from.port, V2_HEAD_BYTES + 2 * half);
  header.writeUInt16BE(to.port, V2_HEAD_BYTES + 2 * half + 2);
  return header;
}

function unmap(text: string | undefined): IpAddress | undefined {
  const address = text === undefined ? undefined : parseIpAddress(text);
  if (address?.bits !== 128 || address.value >> 32n !== MAPPED) return address;
  return { value: address.value & 0xffff_ffffn, bits: 32 };
}

/** A header has addresses of one family only. */
function widen({ value, bits }: IpAddress): IpAddress {
  return bits === 128 ? { value, bits } : { value: (MAPPED << 32n) | value, bits: 128 };
}

function textOfFour({ value }: IpAddress): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}

/** All eight groups: the text must not take more than 39 characters, and parsers of this line are simple. */
function textOfSix(address: IpAddress): string {
  const { value } = widen(address);
  return Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':');
}
