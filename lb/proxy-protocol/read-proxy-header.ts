import { isIPv4, isIPv6 } from 'node:net';
import { formatIpAddress } from '../../config/ip-address.ts';
import {
  V1_MAX_BYTES,
  V2_HEAD_BYTES,
  V2_LOCAL,
  V2_PROXY,
  V2_SIGNATURE,
  V2_TCP4,
  V2_TCP4_BYTES,
  V2_TCP6,
  V2_TCP6_BYTES,
} from './constants.ts';
import type { ProxiedAddresses } from './proxied-addresses.ts';

export type ProxyHeader =
  /** All bytes so far may be the start of one. */
  | { readonly kind: 'incomplete' }
  /** `length` bytes are it. Without addresses the connection is the sender's own (a health check), or of a kind that has none. */
  | { readonly kind: 'header'; readonly length: number; readonly addresses: ProxiedAddresses | undefined }
  /** Never to become one: the connection is to be closed, as the specification asks for. */
  | { readonly kind: 'malformed' };

/** Longer ones are refused: addresses take 36 bytes, the rest is extensions (TLVs), which are passed over. */
const V2_MAX_BYTES = 4096;

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };
const MALFORMED: ProxyHeader = { kind: 'malformed' };
const CR = 0x0d;
const LF = 0x0a;

/** Reads a header of the PROXY protocol, version 1 or 2, at the start of the first `length` bytes of a connection. Pure. */
export function readProxyHeader(bytes: Buffer, length: number): ProxyHeader {
  if (length === 0) return INCOMPLETE;
  if (bytes[0] === V2_SIGNATURE[0]) return readV2(bytes, length);
  return readV1(bytes, length);
}

function readV2(bytes: Buffer, length: number): ProxyHeader {
  const known = Math.min(length, V2_SIGNATURE.length);
  if (bytes.compare(V2_SIGNATURE, 0, known, 0, known) !== 0) return MALFORMED;
  if (length < V2_HEAD_BYTES) return INCOMPLETE;
  const command = bytes[12]!;
  const family = bytes[13]!;
  const total = V2_HEAD_BYTES + bytes.readUInt16BE(14);
  if ((command !== V2_LOCAL && command !== V2_PROXY) || total > V2_MAX_BYTES) return MALFORMED;
  const addressBytes = family === V2_TCP4 ? V2_TCP4_BYTES : family === V2_TCP6 ? V2_TCP6_BYTES : 0;
  if (command === V2_PROXY && total < V2_HEAD_BYTES + addressBytes) return MALFORMED;
  if (length < total) return INCOMPLETE;
  // Datagrams and UNIX sockets have addresses that mean nothing here.
  if (command === V2_LOCAL || addressBytes === 0) return { kind: 'header', length: total, addresses: undefined };
  const half = family === V2_TCP4 ? 4 : 16;
  const address = (at: number): string => {
    const value = BigInt(`0x${bytes.toString('hex', at, at + half)}`);
    return formatIpAddress({ value, bits: half === 4 ? 32 : 128 });
  };
  const ports = V2_HEAD_BYTES + 2 * half;
  return {
    kind: 'header',
    length: total,
    addresses: {
      source: { address: address(V2_HEAD_BYTES), port: bytes.readUInt16BE(ports) },
      destination: { address: address(V2_HEAD_BYTES + half), port: bytes.readUInt16BE(ports + 2) },
    },
  };
}

const V1_START = Buffer.from('PROXY ', 'latin1');

function readV1(bytes: Buffer, length: number): ProxyHeader {
  const known = Math.min(length, V1_START.length);
  if (bytes.compare(V1_START, 0, known, 0, known) !== 0) return MALFORMED;
  const last = Math.min(length, V1_MAX_BYTES);
  for (let i = V1_START.length; i < last; i++) {
    if (bytes[i] === LF) return bytes[i - 1] === CR ? parseV1(bytes.latin1Slice(0, i - 1), i + 1) : MALFORMED;
  }
  return length < V1_MAX_BYTES ? INCOMPLETE : MALFORMED;
}

function parseV1(line: string, length: number): ProxyHeader {
  // What follows UNKNOWN is to be passed over.
  if (/^PROXY UNKNOWN( |$)/.test(line)) return { kind: 'header', length, addresses: undefined };
  const parts = line.split(' ');
  const [, family, source, destination, sourcePort, destinationPort] = parts as (string | undefined)[];
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  const from = port(sourcePort);
  const to = port(destinationPort);
  if (parts.length !== 6 || isAddress === undefined || from === undefined || to === undefined) return MALFORMED;
  if (!isAddress(source!) || !isAddress(destination!) || line.includes('%')) return MALFORMED;
  return {
    kind: 'header',
    length,
    addresses: { source: { address: source!, port: from }, destination: { address: destination!, port: to } },
  };
}

/** Decimal, without leading zeros, as section 2.1 has it. */
function port(text: string | undefined): number | undefined {
  if (text === undefined || !/^(0|[1-9]\d{0,4})$/.test(text)) return undefined;
  const value = Number(text);
  return value <= 65535 ? value : undefined;
}
