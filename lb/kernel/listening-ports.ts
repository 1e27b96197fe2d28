import type { SocketDump } from '../netlink/socket-dump.ts';

const LISTEN = 10;

/**
 * For each source, in order, the ports that cannot be bound on it because some program listens there: on that very address, on 0.0.0.0, or
 * on :: (taken as for IPv4 too, since the dump does not say which). The port of a listener on a third address stays free: SO_REUSEADDR
 * asks only about the same or a wildcard address. Rejects as `dump` does.
 */
export async function listeningPorts(
  dump: Pick<SocketDump, 'dump'>,
  sources: readonly string[],
): Promise<readonly (readonly number[])[]> {
  const own = sources.map(() => new Set<number>());
  const wildcard4 = new Set<number>();
  const wildcard6 = new Set<number>();
  const wildcards = [...sources, '0.0.0.0', '::'];
  await dump.dump({ sources: wildcards, states: 1 << LISTEN, families: [4, 6] }, (batch) => {
    for (let i = 0; i < batch.count; i++) {
      if (batch.state[i] !== LISTEN) continue;
      const source = batch.source[i]!;
      const ports = source === sources.length ? wildcard4 : source === sources.length + 1 ? wildcard6 : own[source];
      ports?.add(batch.localPort[i]!);
    }
  });
  return sources.map((source, i) => {
    // A listener on 0.0.0.0 has no part in IPv6.
    const ports = new Set([...own[i]!, ...wildcard6, ...(source.includes(':') ? [] : wildcard4)]);
    return [...ports].sort((a, b) => a - b);
  });
}
