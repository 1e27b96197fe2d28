import type { TcpListenerConfig } from './config.ts';
import { duration } from './resolve-values.ts';
import type { ConfigFile } from './schema.ts';

/** What of a listener only the tcp engine goes by. */
export function resolveTcpListener({ limits, timeouts }: ConfigFile['listeners'][number]): TcpListenerConfig {
  return {
    connections: limits?.connections ?? Number.POSITIVE_INFINITY,
    idleMs: duration(timeouts?.tcp_idle, '1h'),
  };
}
