import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';

export interface SecureTarget {
  /** Where it is: an address and port, or the path of a socket. */
  readonly to: { readonly host: string; readonly port: number } | { readonly path: string };
  /** The certificate that the other side must have, in PEM. */
  readonly expected: Buffer;
  /** A certificate of one's own and its key, in PEM. Absent: it is not asked who comes. */
  readonly identity: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  readonly timeoutMs: number;
}

/**
 * Resolves with a connection to whoever has that very certificate: whoever has the file knows whom to expect, whatever name or authority is
 * in it. Nothing is said before that is known, least of all a token. Rejects with what `tls` gives, or an Error for another certificate.
 */
export function connectSecurely({ to, expected, identity, timeoutMs }: SecureTarget): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const wanted = new X509Certificate(expected).fingerprint256;
    const socket = connect({ ...to, ...identity, rejectUnauthorized: false, timeout: timeoutMs });
    const onTimeout = (): void => void socket.destroy(new Error('timed out'));
    socket.once('error', reject);
    socket.once('timeout', onTimeout);
    socket.once('secureConnect', () => {
      if (fingerprintOf(socket) !== wanted) {
        socket.destroy(new Error('it has another certificate'));
        return;
      }
      socket.off('error', reject).off('timeout', onTimeout);
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}

/** Undefined for none. */
function fingerprintOf(socket: TLSSocket): string | undefined {
  return socket.getPeerX509Certificate()?.fingerprint256;
}
