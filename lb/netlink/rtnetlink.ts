import { formatIpAddress, parseIpAddress } from '../../config/ip-address.ts';
import { decodeAttributes, encodeAttribute } from './message.ts';

// Links, addresses and neighbours as bytes (linux/rtnetlink.h, if_link.h, if_addr.h, neighbour.h).

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;

/** Groups of notifications. */
export const RTNLGRP_LINK = 1;
export const RTNLGRP_IPV4_IFADDR = 5;
export const RTNLGRP_IPV6_IFADDR = 9;

const AF_INET = 2;
const AF_INET6 = 10;
const IFLA_IFNAME = 3;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_PROTO = 11;
const IFA_F_DADFAILED = 0x08;
const IFA_F_TENTATIVE = 0x40;
const IFA_F_NOPREFIXROUTE = 0x200;
const NDA_DST = 1;
const NDA_LLADDR = 2;
const NTF_USE = 1;
const NUD_PERMANENT = 0x80;
/** REACHABLE, STALE, DELAY and PROBE: somebody answered. */
const NUD_ANSWERED = 0x02 | 0x04 | 0x08 | 0x10;
const IFF_UP = 0x1;
const IFF_RUNNING = 0x40;
const IFF_NOARP = 0x80;
const IFF_LOOPBACK = 0x8;
const FOREVER = 0xffff_ffff;

export interface Link {
  readonly index: number;
  readonly name: string;
  /** Up, and with a carrier. */
  readonly isRunning: boolean;
  /** Neighbours are asked for their addresses on it. */
  readonly hasNeighbours: boolean;
}

export interface InterfaceAddress {
  readonly index: number;
  /** In the one way to write it. */
  readonly address: string;
  readonly prefixLength: number;
  /** Who added it (IFA_PROTO, since Linux 5.18); 0 where nobody said. */
  readonly tag: number;
  /** Duplicate address detection runs. */
  readonly isTentative: boolean;
  /** Duplicate address detection found somebody. */
  readonly isDuplicate: boolean;
}

export interface Neighbour {
  readonly index: number;
  readonly address: string;
  /** `02:42:ac:11:00:02`; undefined for one that has not answered. */
  readonly linkAddress: string | undefined;
  readonly isPermanent: boolean;
}

/** For a dump of links, addresses or neighbours of both families: the header that says nothing. */
export const ANY = Buffer.alloc(16);

export function decodeLink(payload: Buffer): Link {
  const flags = payload.readUInt32LE(8);
  const name = decodeAttributes(payload, 16).get(IFLA_IFNAME);
  return {
    index: payload.readInt32LE(4),
    name: name?.toString('utf8').replace(/\0.*$/, '') ?? '',
    isRunning: (flags & IFF_UP) !== 0 && (flags & IFF_RUNNING) !== 0,
    hasNeighbours: (flags & (IFF_NOARP | IFF_LOOPBACK)) === 0,
  };
}

/** Undefined for a family that is not IP. */
export function decodeAddress(payload: Buffer): InterfaceAddress | undefined {
  const attributes = decodeAttributes(payload, 8);
  // On a point-to-point link IFA_ADDRESS is the peer's.
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  const address = bytes === undefined ? undefined : textOf(bytes);
  if (address === undefined) return undefined;
  const flags = attributes.get(IFA_FLAGS)?.readUInt32LE(0) ?? payload[2]!;
  return {
    index: payload.readUInt32LE(4),
    address,
    prefixLength: payload[1]!,
    tag: attributes.get(IFA_PROTO)?.[0] ?? 0,
    isTentative: (flags & IFA_F_TENTATIVE) !== 0,
    isDuplicate: (flags & IFA_F_DADFAILED) !== 0,
  };
}

/** Undefined for a family that is not IP. */
export function decodeNeighbour(payload: Buffer): Neighbour | undefined {
  const attributes = decodeAttributes(payload, 12);
  const bytes = attributes.get(NDA_DST);
  const address = bytes === undefined ? undefined : textOf(bytes);
  if (address === undefined) return undefined;
  const state = payload.readUInt16LE(8);
  const isKnown = (state & (NUD_ANSWERED | NUD_PERMANENT)) !== 0;
  const linkAddress = attributes.get(NDA_LLADDR);
  return {
    index: payload.readInt32LE(4),
    address,
    linkAddress:
      isKnown && linkAddress !== undefined
        ? [...linkAddress].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
        : undefined,
    isPermanent: (state & NUD_PERMANENT) !== 0,
  };
}

/**
 * A host address of its own (/32, /128), with a tag. The host's own connections are not to start from it: an IPv6 one is deprecated from
 * the beginning (RFC 6724 rule 3; binding to it works all the same), an IPv4 one is not the first of any subnet.
 */
export function encodeAddress(index: number, address: string, tag: number): Buffer {
  const bytes = bytesOf(address);
  const isSix = bytes.length === 16;
  const head = Buffer.from([isSix ? AF_INET6 : AF_INET, bytes.length * 8, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(index, 4);
  const parts = [
    head,
    encodeAttribute(IFA_LOCAL, bytes),
    encodeAttribute(IFA_ADDRESS, bytes),
    encodeAttribute(IFA_PROTO, Buffer.from([tag])),
  ];
  if (isSix) {
    parts.push(encodeAttribute(IFA_FLAGS, number(IFA_F_NOPREFIXROUTE)));
    parts.push(encodeAttribute(IFA_CACHEINFO, Buffer.concat([number(0), number(FOREVER), number(0), number(0)])));
  }
  return Buffer.concat(parts);
}

/** `isUsed`: the kernel is to find out now who has the address (NTF_USE), as if something were to be sent there. */
export function encodeNeighbour(index: number, address: string, { isUsed }: { readonly isUsed: boolean }): Buffer {
  const bytes = bytesOf(address);
  const head = Buffer.alloc(12);
  head[0] = bytes.length === 16 ? AF_INET6 : AF_INET;
  head.writeInt32LE(index, 4);
  head[10] = isUsed ? NTF_USE : 0;
  return Buffer.concat([head, encodeAttribute(NDA_DST, bytes)]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function bytesOf(address: string): Buffer {
  const { value, bits } = parseIpAddress(address)!;
  return Buffer.from(value.toString(16).padStart(bits / 4, '0'), 'hex');
}

function textOf(bytes: Buffer): string | undefined {
  if (bytes.length !== 4 && bytes.length !== 16) return undefined;
  const value = BigInt(`0x${bytes.toString('hex')}`);
  return formatIpAddress({ value, bits: bytes.length === 4 ? 32 : 128 });
}
