import { isIP } from 'node:net';

/** Whether `host` is an IP address that only this machine can reach. Names never are. */
export function isLoopback(host: string): boolean {
  return isIP(host) !== 0 && (host.startsWith('127.') || host === '::1');
}
