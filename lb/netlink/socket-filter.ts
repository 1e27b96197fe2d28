import { isMapped, mappedBytes } from './socket-address.ts';

// The kernel's little language for choosing sockets: struct inet_diag_bc_op and inet_diag_hostcond in linux/inet_diag.h.
const BC_JMP = 1;
const BC_S_COND = 7;
const AF_INET = 2;
const AF_INET6 = 10;
const OP_BYTES = 4;
const CONDITION_BYTES = 8;
/** The kernel tries the addresses one after the other for every socket, so a long list costs more than it saves. */
const MOST_ADDRESSES = 64;

/**
 * A program that accepts sockets with one of these local addresses, mapped ones as IPv4 too. Undefined where no filter is the better filter.
 * It runs from the first byte and accepts where it stops exactly at the end; every jump past the end rejects.
 */
export function socketFilter(addresses: readonly string[]): Uint8Array | undefined {
  if (addresses.length === 0 || addresses.length > MOST_ADDRESSES) return undefined;
  const all = [...new Set(addresses)].map(mappedBytes).map((bytes) => (isMapped(bytes) ? bytes.subarray(12) : bytes));
  const sizes = all.map((bytes) => OP_BYTES + CONDITION_BYTES + bytes.length);
  // Between two conditions lies a jump to the end, taken where the first holds.
  const total = sizes.reduce((sum, size) => sum + size, 0) + (all.length - 1) * OP_BYTES;
  const program = new Uint8Array(total);
  const view = new DataView(program.buffer);
  let at = 0;
  all.forEach((bytes, i) => {
    const size = sizes[i]!;
    const isLast = i === all.length - 1;
    // The last one that does not hold jumps past the end.
    writeOp(view, at, BC_S_COND, size, size + OP_BYTES);
    program[at + 4] = bytes.length === 4 ? AF_INET : AF_INET6;
    program[at + 5] = bytes.length * 8;
    view.setInt32(at + 8, -1, true); // any port
    program.set(bytes, at + OP_BYTES + CONDITION_BYTES);
    at += size;
    if (isLast) return;
    writeOp(view, at, BC_JMP, OP_BYTES, total - at);
    at += OP_BYTES;
  });
  return program;
}

/** `yes` and `no`: how far to go on from here. */
function writeOp(view: DataView, at: number, code: number, yes: number, no: number): void {
  view.setUint8(at, code);
  view.setUint8(at + 1, yes);
  view.setUint16(at + 2, no, true);
}
