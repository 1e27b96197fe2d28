// Netlink messages as bytes (linux/netlink.h), in host order, which is little-endian on every platform that Node runs on and we support.

export const HEADER_BYTES = 16;
/** A message of type ERROR with errno 0 is an acknowledgement. */
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_REQUEST = 1;
export const NLM_F_ACK = 4;
/** The dump was interrupted by a change: it may have missed or repeated entries. */
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly seq: number;
  readonly payload: Buffer;
}

const align = (length: number): number => (length + 3) & ~3;

export function encodeMessage(type: number, flags: number, seq: number, payload: Buffer): Buffer {
  const message = Buffer.alloc(HEADER_BYTES + align(payload.length));
  message.writeUInt32LE(HEADER_BYTES + payload.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(flags, 6);
  message.writeUInt32LE(seq, 8);
  payload.copy(message, HEADER_BYTES);
  return message;
}

/** The messages of one datagram; what is cut off or says of itself that it is longer than it is ends the list. */
export function decodeMessages(datagram: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at + HEADER_BYTES <= datagram.length; ) {
    const length = datagram.readUInt32LE(at);
    if (length < HEADER_BYTES || at + length > datagram.length) break;
    messages.push({
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      seq: datagram.readUInt32LE(at + 8),
      payload: datagram.subarray(at + HEADER_BYTES, at + length),
    });
    at += align(length);
  }
  return messages;
}

export function encodeAttribute(type: number, value: Buffer): Buffer {
  const attribute = Buffer.alloc(4 + align(value.length));
  attribute.writeUInt16LE(4 + value.length, 0);
  attribute.writeUInt16LE(type, 2);
  value.copy(attribute, 4);
  return attribute;
}

/** As the values of attributes are. */
export function encodeBig32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const TYPE_MASK = 0x3fff;

/** Attributes by type, from `offset` on. Of a type that is there twice, the last counts. */
export function decodeAttributes(payload: Buffer, offset: number): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let at = offset; at + 4 <= payload.length; ) {
    const length = payload.readUInt16LE(at);
    if (length < 4 || at + length > payload.length) break;
    attributes.set(payload.readUInt16LE(at + 2) & TYPE_MASK, payload.subarray(at + 4, at + length));
    at += align(length);
  }
  return attributes;
}
