import { createRequire } from 'node:module';
import type { TcpHandle } from './tcp-binding.ts';

/** linux/in.h and linux/tcp.h. */
const IPPROTO_TCP = 6;
const TCP_NOTSENT_LOWAT = 25;
const INT_BYTES = 4;

type SetOption = (fd: number, level: number, option: number, value: readonly number[], bytes: number) => number;

/**
 * Connections that `listening` accepts from now on, in whatever process, take `bytes` and no more of what they cannot send yet; Infinity: what
 * the machine is set to. Without it the kernel takes up to `net.ipv4.tcp_wmem` for a client that reads nothing, and keeps it in packets of
 * the size that the client has room for: 190 KB of answers for a window of 1 KiB take 474 KB of the memory that all connections
 * share, and most of the time goes into their allocation (measured). Accepted connections inherit the option, so it costs nothing
 * for each. Returns false where it is not set.
 */
export type LimitUnsent = (listening: TcpHandle, bytes: number) => boolean;

/** Node has no call for it; where koffi is not installed, nothing is set. */
export function loadLimitUnsent(): LimitUnsent {
  const setOption = loadSetOption();
  return (listening, bytes) => {
    const value = bytes === Number.POSITIVE_INFINITY ? 0 : Math.min(bytes, 2 ** 31 - 1);
    return setOption?.(listening.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, [value], INT_BYTES) === 0;
  };
}

function loadSetOption(): SetOption | undefined {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as {
      load(name: null): { func(prototype: string): SetOption };
    };
    // What node itself is linked to.
    return koffi.load(null).func('int setsockopt(int, int, int, const int *, uint32_t)');
  } catch {
    return undefined;
  }
}
