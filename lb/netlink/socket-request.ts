// struct nlmsghdr of linux/netlink.h and struct inet_diag_req_v2 of linux/inet_diag.h, little endian as every machine with a prebuilt module.
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST = 0x1;
const NLM_F_DUMP = 0x300;
const INET_DIAG_REQ_BYTECODE = 1;
const IPPROTO_TCP = 6;
const HEADER_BYTES = 16;
const REQUEST_BYTES = 56;

export interface SocketRequest {
  readonly family: 4 | 6;
  /** Bit mask, 1 << state. */
  readonly states: number;
  readonly sequence: number;
  readonly filter: Uint8Array | undefined;
}

/** The message that asks the kernel for all TCP sockets of one address family. */
export function encodeSocketRequest({ family, states, sequence, filter }: SocketRequest): Uint8Array {
  const length = HEADER_BYTES + REQUEST_BYTES + (filter === undefined ? 0 : 4 + filter.length);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
  view.setUint32(8, sequence, true);
  bytes[16] = family === 4 ? 2 : 10;
  bytes[17] = IPPROTO_TCP;
  view.setUint32(20, states, true);
  if (filter === undefined) return bytes;
  view.setUint16(HEADER_BYTES + REQUEST_BYTES, 4 + filter.length, true);
  view.setUint16(HEADER_BYTES + REQUEST_BYTES + 2, INET_DIAG_REQ_BYTECODE, true);
  bytes.set(filter, HEADER_BYTES + REQUEST_BYTES + 4);
  return bytes;
}
