import { readFileSync } from 'node:fs';

/** TCP_TIMEWAIT_LEN in the kernel's include/net/tcp.h: 60 s, not adjustable. */
const TIME_WAIT_MS = 60_000;
/** With `tcp_tw_reuse` a port in TIME_WAIT can be bound again after one second (tcp_twsk_unique in net/ipv4/tcp_ipv4.c). */
const REUSE_MS = 1000;

/**
 * How long a source port rests after a connection that this side closed first. `tcp_tw_reuse` 1 is for all addresses, 2 (the kernel's
 * default) for loopback only; both need timestamps.
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
