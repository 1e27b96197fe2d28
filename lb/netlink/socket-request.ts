// struct nlmsghdr of linux/netlink.h and struct inet_diag_req of linux/inet_diag.h, little endian as every machine with a prebuilt module.
const TCPDIAG_GETSOCK = 18;
const NLM_F_REQUEST = 0x1;
const NLM_F_DUMP = 0x300;
const INET_DIAG_REQ_BYTECODE = 1;
const AF_INET = 2;
const HEADER_BYTES = 16;
const REQUEST_BYTES = 60;

export interface SocketRequest {
  /** Bit mask, 1 << state. */
  readonly states: number;
  readonly sequence: number;
  readonly filter: Uint8Array | undefined;
}

/**
 * The message that asks the kernel for its TCP sockets. It is the older of the two requests because that one brings IPv4 and IPv6 in one walk
 * (inet_diag_dump_compat in net/ipv4/inet_diag.c); with SOCK_DIAG_BY_FAMILY, mapped sockets take a second one, which where nothing matches
 * is a single call of 30 ms and more (measured with 280,000 sockets on the machine).
 */
export function encodeSocketRequest({ states, sequence, filter }: SocketRequest): Uint8Array {
  const length = HEADER_BYTES + REQUEST_BYTES + (filter === undefined ? 0 : 4 + filter.length);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, TCPDIAG_GETSOCK, true);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
  view.setUint32(8, sequence, true);
  bytes[16] = AF_INET;
  view.setUint32(68, states, true);
  if (filter === undefined) return bytes;
  view.setUint16(HEADER_BYTES + REQUEST_BYTES, 4 + filter.length, true);
  view.setUint16(HEADER_BYTES + REQUEST_BYTES + 2, INET_DIAG_REQ_BYTECODE, true);
  bytes.set(filter, HEADER_BYTES + REQUEST_BYTES + 4);
  return bytes;
}
