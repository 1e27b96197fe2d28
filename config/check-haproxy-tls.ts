import type { Path } from './finding.ts';
import { haproxyMode } from './haproxy-mode.ts';
import type { ConfigFile } from './schema.ts';

/** What HAProxy can agree on with clients that it speaks HTTP to. */
const SPOKEN = ['h2', 'http/1.1'];

/** What HAProxy cannot do, or not safely, with the TLS of a listener. */
export function checkHaproxyTls(
  listener: ConfigFile['listeners'][number],
  at: Path,
  report: (path: Path, message: string) => void,
): void {
  const { tls } = listener;
  if (tls === undefined) return;
  const mode = haproxyMode(listener);
  if (tls.early_data === true && mode === 'http') {
    report(
      [...at, 'early_data'],
      'HAProxy takes the same first flight as often as somebody sends it ("allow-0rtt" has no register of those that it has seen); remove "early_data" or use "engine: http"',
    );
  }
  if (tls.handshake_timeout !== undefined) {
    report(
      [...at, 'handshake_timeout'],
      `HAProxy 2.6 has no time-out for the handshake alone: it may take as long as "${mode === 'tcp' ? 'timeouts.tcp_idle' : 'timeouts.idle'}"; remove it`,
    );
  }
  tls.alpn?.forEach((protocol, i) => {
    if (mode === 'http' && !SPOKEN.includes(protocol)) {
      report([...at, 'alpn', i], `HAProxy speaks ${SPOKEN.join(' and ')} in http mode, not "${protocol}"`);
    }
    if (protocol.includes(',')) report([...at, 'alpn', i], 'HAProxy divides protocols at commas; name one without');
  });
}
