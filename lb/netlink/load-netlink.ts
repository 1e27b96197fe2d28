import { createRequire } from 'node:module';

/** Netlink cannot be spoken here: no build of the native module for this platform, or no such protocol in this kernel. */
export class NetlinkUnavailableError extends Error {
  readonly code = 'NETLINK_UNAVAILABLE';
  readonly source = 'local';
  readonly retryable = false;
}

/**
 * The package `netlink`, of which only the raw socket is used. Loaded by who needs it: on a machine that it has no build for, all that
 * needs no netlink still works. Throws NetlinkUnavailableError.
 */
export function loadNetlink(): Pick<typeof import('netlink'), 'RawNetlinkSocket'> {
  try {
    return createRequire(import.meta.url)('netlink') as typeof import('netlink');
  } catch (cause) {
    throw new NetlinkUnavailableError(
      `the netlink module cannot be loaded on ${process.platform} ${process.arch}; on Debian, install build-essential and run "npm rebuild netlink".`,
      { cause },
    );
  }
}
