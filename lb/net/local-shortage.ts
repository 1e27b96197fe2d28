const PORT_TAKEN = new Set(['EADDRINUSE', 'EADDRNOTAVAIL']);
const OTHER = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/** What of this host's own was short when a connection could not be opened; undefined for what the other side or the network did. */
export function localShortage(errno: string): 'port' | 'descriptor' | undefined {
  if (PORT_TAKEN.has(errno)) return 'port';
  return OTHER.has(errno) ? 'descriptor' : undefined;
}
