// Of the PROXY protocol (haproxy.org/download/2.9/doc/proxy-protocol.txt).

/** Starts a header of version 2 (section 2.2): bytes that no sane protocol begins with. */
export const V2_SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
/** Signature, version and command, family, length. */
export const V2_HEAD_BYTES = 16;
/** Version 2 in the high half of byte 13; the command in the low half. */
export const V2_LOCAL = 0x20;
export const V2_PROXY = 0x21;
/** Address family in the high half of byte 14, stream in the low half. */
export const V2_TCP4 = 0x11;
export const V2_TCP6 = 0x21;
export const V2_TCP4_BYTES = 12;
export const V2_TCP6_BYTES = 36;
/** With its CRLF (section 2.1). */
export const V1_MAX_BYTES = 107;
