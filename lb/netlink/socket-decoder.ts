import { big32, little32, walkDump } from './dump-datagram.ts';
import { HEADER_BYTES } from './message.ts';
import type { Decoded } from './netlink-dump.ts';
import type { SocketAddressTable } from './socket-address.ts';
import type { SocketBatch } from './socket-batch.ts';

/** struct inet_diag_msg of linux/inet_diag.h. */
const SOCKET_BYTES = 72;
const TCPDIAG_GETSOCK = 18;
const MAPPED_WORD = 0xffff;

export interface DecodeOptions {
  readonly sequence: number;
  /** Sockets of the other families are left out. */
  readonly families: readonly (4 | 6)[];
  readonly sources: SocketAddressTable;
}

/** A batch of this many entries holds what a datagram of `bytes` can bring. */
export const socketsIn = (bytes: number): number => Math.ceil(bytes / (HEADER_BYTES + SOCKET_BYTES));

/** Fills the batch from one datagram; messages of another request are skipped. Makes no object per socket. */
export function decodeSockets(bytes: Uint8Array, options: DecodeOptions, batch: SocketBatch): Decoded {
  const { sequence, families, sources } = options;
  const wants4 = families.includes(4);
  const wants6 = families.includes(6);
  let count = 0;
  batch.count = 0;
  return walkDump(bytes, { sequence, type: TCPDIAG_GETSOCK }, (from, to) => {
    if (to - from < SOCKET_BYTES) return false;
    let family = bytes[from] === 2 ? 4 : 6;
    // Local address at 8, remote at 24 (struct inet_diag_sockid).
    let found = 65_535;
    let remoteAt = from + 24;
    if (family === 4) {
      if (wants4) found = sources.find(0, 0, MAPPED_WORD, big32(bytes, from + 8));
    } else {
      const a = big32(bytes, from + 8);
      const b = big32(bytes, from + 12);
      const c = big32(bytes, from + 16);
      if (a === 0 && b === 0 && c === MAPPED_WORD) {
        family = 4;
        remoteAt += 12;
      }
      found = sources.find(a, b, c, big32(bytes, from + 20));
    }
    if (family === 4 ? wants4 : wants6) {
      batch.source[count] = found;
      batch.localPort[count] = (bytes[from + 4]! << 8) | bytes[from + 5]!;
      batch.remotePort[count] = (bytes[from + 6]! << 8) | bytes[from + 7]!;
      const size = family === 4 ? 4 : 16;
      const to = count * 16;
      for (let i = 0; i < 16; i++) batch.remote[to + i] = i < size ? bytes[remoteAt + i]! : 0;
      batch.family[count] = family;
      batch.state[count] = bytes[from + 1]!;
      batch.inode[count] = little32(bytes, from + 68);
      batch.count = ++count;
    }
    return true;
  });
}
