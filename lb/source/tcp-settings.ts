import { readFileSync } from 'node:fs';

/** TCP_TIMEWAIT_LEN in the kernel's include/net/tcp.h: 60 s, not adjustable. */
const TIME_WAIT_MS = 60_000;
/** With `tcp_tw_reuse` the kernel chooses a port in TIME_WAIT again after one second (tcp_twsk_unique in net/ipv4/tcp_ipv4.c). */
const REUSE_MS = 1000;

/**
 * How long a source port rests after a connection that this side closed first. `tcp_tw_reuse` 1 is for all addresses, 2 (the kernel's
 * default) for loopback only; both need timestamps.
 *
 * Measured on Linux 6.18, `net.connect` with localAddress and localPort to the destination of before, from 127.0.1.1 and over a veth
 * pair, 5 ms to 2.1 s after the close:
 * - the peer closed first: the port can be connected from at once, with every setting (the TIME_WAIT is the peer's, and its kernel takes
 *   the SYN);
 * - this side closed first, timestamps on at both ends: at once, whatever `tcp_tw_reuse` says, 0 too: for a port that is named the kernel
 *   asks for timestamps only. So this time is cautious, and with timestamps a second would do everywhere;
 * - this side closed first, timestamps off at either end: connect() gives EADDRNOTAVAIL (bind() does not fail), still so after 2.1 s with
 *   `tcp_tw_reuse` 1. A peer's setting cannot be read here, so such a port is found out when it is tried, and put aside.
 */
export function readQuarantineMs(
  areAllLoopback: boolean,
  read: (path: string) => string = (path) => readFileSync(path, 'latin1'),
): number {
  const setting = (name: string): number => {
    try {
      return Number.parseInt(read(`/proc/sys/net/ipv4/${name}`), 10);
    } catch {
      return 0; // not readable: the cautious answer
    }
  };
  const reuse = setting('tcp_tw_reuse');
  const isReused = setting('tcp_timestamps') !== 0 && (reuse === 1 || (reuse === 2 && areAllLoopback));
  return isReused ? REUSE_MS : TIME_WAIT_MS;
}

export function isLoopbackAddress(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
