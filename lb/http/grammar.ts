/** Bytes and byte classes of RFC 9110 and RFC 9112. */
export const HT = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const STAR = 0x2a;
export const SP = 0x20;
export const COMMA = 0x2c;
export const SLASH = 0x2f;
export const COLON = 0x3a;

/** 1 for `tchar` (RFC 9110 §5.6.2). */
export const TOKEN = new Uint8Array(256);
/** 1 for letters, digits and `-`: what nearly all names of fields are made of. */
export const PLAIN_NAME = new Uint8Array(256);
/** 1 for bytes of a field value: `VCHAR`, `obs-text`, SP and HT (RFC 9110 §5.5). */
export const FIELD = new Uint8Array(256);
/**
 * 1 for bytes of a request target: visible ASCII but `#`, which starts a fragment (RFC 9112 §3.2). The few of them that no URI may hold,
 * such as `|` and `"`, pass, since browsers send them and every server reads them alike.
 */
export const TARGET = new Uint8Array(256);
/** 1 for bytes of a host name: `unreserved`, `sub-delims` and `%` (RFC 3986 §3.2.2). */
export const REG_NAME = new Uint8Array(256);
/** 1 for hexadecimal digits. */
export const HEX = new Uint8Array(256);

for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  TOKEN[character.charCodeAt(0)] = 1;
}
for (const character of '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz') {
  PLAIN_NAME[character.charCodeAt(0)] = 1;
}
FIELD.fill(1, 0x20);
FIELD[HT] = 1;
FIELD[0x7f] = 0;
TARGET.fill(1, 0x21, 0x7f);
TARGET[0x23] = 0;
for (const character of "-._~!$&'()*+,;=%0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  REG_NAME[character.charCodeAt(0)] = 1;
}
for (const character of '0123456789ABCDEFabcdef') HEX[character.charCodeAt(0)] = 1;

/** Whether the bytes [start, end) are `lowerCase`, which holds only a–z, digits and `-`, without regard to case. */
export function equalsIgnoreCase(bytes: Uint8Array, start: number, end: number, lowerCase: string): boolean {
  const length = lowerCase.length;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) {
    const expected = lowerCase.charCodeAt(i);
    const byte = bytes[start + i]!;
    if (byte !== expected && ((byte | 0x20) !== expected || expected < 0x61)) return false;
  }
  return true;
}

/** Whether a line feed is among the first `length` bytes. */
export function hasLineEnd(bytes: Uint8Array, length: number): boolean {
  const at = bytes.indexOf(LF);
  return at >= 0 && at < length;
}

/** Digits only, at most 15 of them (so that the sum stays exact); -1 for anything else. */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): number {
  if (end === start || end - start > 15) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
