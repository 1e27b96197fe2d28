import type { ConntrackBatch } from './conntrack-batch.ts';
import { big32, walkDump } from './dump-datagram.ts';
import { HEADER_BYTES } from './message.ts';
import type { Decoded } from './netlink-dump.ts';
import type { SocketAddressTable } from './socket-address.ts';

// Entries of the connection tracking table as bytes: linux/netfilter/nfnetlink_conntrack.h.

/** struct nfgenmsg. */
const GENERAL_BYTES = 4;
/** NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW. */
const CONNTRACK_ENTRY = 0x0100;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
export const CTA_STATUS = 3;
const CTA_PROTOINFO = 4;
const CTA_ID = 12;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_IP_V4_SRC = 1;
const CTA_IP_V4_DST = 2;
const CTA_IP_V6_SRC = 3;
const CTA_IP_V6_DST = 4;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
const CTA_PROTOINFO_TCP = 1;
const CTA_PROTOINFO_TCP_STATE = 1;
const CTA_PROTOINFO_TCP_FLAGS_ORIGINAL = 4;
/** IP_CT_TCP_FLAG_CLOSE_INIT of linux/netfilter/nf_conntrack_tcp.h. */
const CLOSED_FIRST = 0x04;
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER are no part of the type. */
const TYPE_MASK = 0x3fff;
/** The source was changed (linux/netfilter/nf_conntrack_common.h). */
export const IPS_SRC_NAT = 1 << 4;
const MAPPED_WORD = 0xffff;
const NOWHERE = 65_535;

export interface ConntrackDecodeOptions {
  readonly sequence: number;
  readonly sources: SocketAddressTable;
  readonly servers: SocketAddressTable;
}

/** The least that an entry takes: two IPv4 tuples of 52 bytes each, without anything else. */
export const entriesIn = (bytes: number): number => Math.ceil(bytes / (HEADER_BYTES + GENERAL_BYTES + 2 * 52));

/** What one entry says; the same object for all of them. */
const entry = {
  source: NOWHERE,
  sourcePort: 0,
  server: NOWHERE,
  serverPort: 0,
  listenerPort: 0,
  protocol: 0,
  state: 0,
  isTranslated: false,
  isEndedByClient: 0,
  tupleAt: 0,
  id: 0,
};

/**
 * Fills the batch from one datagram with the connections that are made to look as if they came from `sources`; messages of another request
 * are skipped. Makes no object per connection.
 */
export function decodeConntrack(bytes: Uint8Array, options: ConntrackDecodeOptions, batch: ConntrackBatch): Decoded {
  const { sequence } = options;
  let count = 0;
  batch.count = 0;
  batch.bytes = bytes;
  return walkDump(bytes, { sequence, type: CONNTRACK_ENTRY }, (from, to) => {
    if (to - from < GENERAL_BYTES || !readEntry(bytes, from + GENERAL_BYTES, to, options)) return false;
    if (entry.isTranslated && entry.source !== NOWHERE) {
      batch.source[count] = entry.source;
      batch.sourcePort[count] = entry.sourcePort;
      batch.server[count] = entry.server;
      batch.serverPort[count] = entry.serverPort;
      batch.listenerPort[count] = entry.listenerPort;
      batch.protocol[count] = entry.protocol;
      batch.state[count] = entry.state;
      batch.isEndedByClient[count] = entry.isEndedByClient;
      batch.tupleAt[count] = entry.tupleAt;
      batch.id[count] = entry.id;
      batch.count = ++count;
    }
    return true;
  });
}

/** False for attributes whose lengths do not add up. */
function readEntry(bytes: Uint8Array, from: number, to: number, options: ConntrackDecodeOptions): boolean {
  entry.source = NOWHERE;
  entry.server = NOWHERE;
  entry.state = 0;
  entry.isTranslated = false;
  entry.isEndedByClient = 0;
  entry.id = 0;
  for (let at = from; to - at >= 4; ) {
    const length = bytes[at]! | (bytes[at + 1]! << 8);
    if (length < 4 || length > to - at) return false;
    const type = (bytes[at + 2]! | (bytes[at + 3]! << 8)) & TYPE_MASK;
    if (type === CTA_TUPLE_ORIG || type === CTA_TUPLE_REPLY) {
      if (!readTuple(bytes, at + 4, at + length, type === CTA_TUPLE_REPLY, options)) return false;
      if (type === CTA_TUPLE_ORIG) entry.tupleAt = at;
    } else if (type === CTA_ID && length >= 8) {
      entry.id = big32(bytes, at + 4);
    } else if (type === CTA_STATUS && length >= 8) {
      entry.isTranslated = (bytes[at + 7]! & IPS_SRC_NAT) !== 0;
    } else if (type === CTA_PROTOINFO) readTcp(bytes, at, length);
    at += (length + 3) & ~3;
  }
  return true;
}

/** Nested twice; the state comes first, and each of what follows takes eight bytes (tcp_to_nlattr in nf_conntrack_proto_tcp.c). */
function readTcp(bytes: Uint8Array, at: number, length: number): void {
  const typeAt = (place: number): number => (bytes[place]! | (bytes[place + 1]! << 8)) & TYPE_MASK;
  if (length < 13 || typeAt(at + 6) !== CTA_PROTOINFO_TCP || typeAt(at + 10) !== CTA_PROTOINFO_TCP_STATE) return;
  entry.state = bytes[at + 12]!;
  if (length >= 37 && typeAt(at + 34) === CTA_PROTOINFO_TCP_FLAGS_ORIGINAL) {
    entry.isEndedByClient = (bytes[at + 36]! & CLOSED_FIRST) === 0 ? 0 : 1;
  }
}

function readTuple(
  bytes: Uint8Array,
  from: number,
  to: number,
  isReply: boolean,
  { sources, servers }: ConntrackDecodeOptions,
): boolean {
  for (let at = from; to - at >= 4; ) {
    const length = bytes[at]! | (bytes[at + 1]! << 8);
    if (length < 4 || length > to - at) return false;
    const type = (bytes[at + 2]! | (bytes[at + 3]! << 8)) & TYPE_MASK;
    const end = at + length;
    if (type === CTA_TUPLE_IP || type === CTA_TUPLE_PROTO) {
      for (let inner = at + 4; end - inner >= 4; ) {
        const size = bytes[inner]! | (bytes[inner + 1]! << 8);
        if (size < 4 || size > end - inner) return false;
        const kind = (bytes[inner + 2]! | (bytes[inner + 3]! << 8)) & TYPE_MASK;
        const value = inner + 4;
        if (type === CTA_TUPLE_IP) {
          if (isReply) readReplyAddress(bytes, kind, value, size - 4, sources, servers);
        } else if (kind === CTA_PROTO_NUM && size >= 5) entry.protocol = bytes[value]!;
        else if (size >= 6 && kind === CTA_PROTO_SRC_PORT) {
          if (isReply) entry.serverPort = (bytes[value]! << 8) | bytes[value + 1]!;
        } else if (size >= 6 && kind === CTA_PROTO_DST_PORT) {
          const port = (bytes[value]! << 8) | bytes[value + 1]!;
          if (isReply) entry.sourcePort = port;
          else entry.listenerPort = port;
        }
        inner += (size + 3) & ~3;
      }
    }
    at += (length + 3) & ~3;
  }
  return true;
}

function readReplyAddress(
  bytes: Uint8Array,
  kind: number,
  at: number,
  size: number,
  sources: SocketAddressTable,
  servers: SocketAddressTable,
): void {
  if (size === 4 && kind === CTA_IP_V4_SRC) entry.server = servers.find(0, 0, MAPPED_WORD, big32(bytes, at));
  else if (size === 4 && kind === CTA_IP_V4_DST) entry.source = sources.find(0, 0, MAPPED_WORD, big32(bytes, at));
  else if (size === 16 && (kind === CTA_IP_V6_SRC || kind === CTA_IP_V6_DST)) {
    const table = kind === CTA_IP_V6_SRC ? servers : sources;
    const found = table.find(big32(bytes, at), big32(bytes, at + 4), big32(bytes, at + 8), big32(bytes, at + 12));
    if (kind === CTA_IP_V6_SRC) entry.server = found;
    else entry.source = found;
  }
}
