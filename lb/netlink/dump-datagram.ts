import { HEADER_BYTES, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR } from './message.ts';
import type { Decoded } from './netlink-dump.ts';

const NLMSG_OVERRUN = 4;

/**
 * Walks one datagram of a dump; messages of another request are skipped. `onEntry` gets where the content of each message of `type` begins and
 * ends, and returns whether it is as it should be. Makes no object per message.
 */
export function walkDump(
  bytes: Uint8Array,
  { sequence, type }: { readonly sequence: number; readonly type: number },
  onEntry: (from: number, to: number) => boolean,
): Decoded {
  let isInterrupted = false;
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < HEADER_BYTES) return { type: 'malformed' };
    const length = little32(bytes, at);
    if (length < HEADER_BYTES || length > bytes.length - at) return { type: 'malformed' };
    const next = at + ((length + 3) & ~3);
    if (little32(bytes, at + 8) !== sequence) {
      at = next;
      continue;
    }
    const kind = bytes[at + 4]! | (bytes[at + 5]! << 8);
    if ((bytes[at + 6]! & NLM_F_DUMP_INTR) !== 0) isInterrupted = true;
    if (kind === type) {
      if (!onEntry(at + HEADER_BYTES, at + length)) return { type: 'malformed' };
    } else if (kind === NLMSG_DONE) {
      const status = length >= HEADER_BYTES + 4 ? little32(bytes, at + HEADER_BYTES) | 0 : 0;
      return status < 0 ? { type: 'error', errno: -status } : { type: 'done', isInterrupted };
    } else if (kind === NLMSG_ERROR) {
      if (length < HEADER_BYTES + 4) return { type: 'malformed' };
      const errno = -(little32(bytes, at + HEADER_BYTES) | 0);
      if (errno !== 0) return { type: 'error', errno };
    } else if (kind === NLMSG_OVERRUN) isInterrupted = true;
    at = next;
  }
  return { type: 'more', isInterrupted };
}

export function little32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

export function big32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
