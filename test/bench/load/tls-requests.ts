import net from 'node:net';
import { FAILED, loadNativeAddon, SECURED, WORD } from '../../../lb/tls/native-addon.ts';
import { makeSet, TlsSide } from '../../fixtures/tls-side.ts';

const HOST = 'a.example';
const REQUEST = Buffer.from(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
const MOST_MS = 10_000;
/** SSL_EARLY_DATA_ACCEPTED of openssl/ssl.h. */
const EARLY_ACCEPTED = 2;

export interface TlsQuestion {
  readonly port: number;
  /** Of `slot()`: it comes back with the ticket of the one before. Absent: a full handshake. */
  readonly slot?: number;
  /** The request is in the first flight. */
  readonly isEarly?: boolean;
}

export interface TlsAnswer {
  /** From TCP's connection to the answer's first byte. */
  readonly firstByteMs: number;
  readonly kind: 'full' | 'resumed' | 'early';
  /** Subject of the certificate that was shown; '' for a client that does not look, and where the handshake is not a full one. */
  readonly peerName: string;
}

/** A client of TLS 1.3 that can ask in its first flight, on the addon: one connection for each request, which the other side closes. */
export class TlsRequests {
  private readonly side: TlsSide;
  private readonly set: number;
  private readonly isVerified: boolean;

  /** `ca`: PEM; the server's certificate must be from there, and for a.example. */
  constructor(ca = '') {
    const loaded = loadNativeAddon();
    if (!loaded.ok) throw new Error(loaded.reason);
    this.side = new TlsSide(loaded.addon);
    this.set = makeSet(loaded.addon, 'client', [], ca);
    this.isVerified = ca !== '';
  }

  slot(): number {
    return this.side.addon.createSlot();
  }

  drop(slot: number): void {
    if (slot >= 0) this.side.addon.dropSlot(slot);
  }

  /** Rejects where the handshake fails, the answer is another than 200, or nothing comes for 10 s. */
  ask({ port, slot = -1, isEarly = false }: TlsQuestion): Promise<TlsAnswer> {
    const { side, set } = this;
    const { addon } = side;
    return new Promise((resolve, reject) => {
      let [session, startedMs, firstByteMs, text, peerName] = [-1, 0, 0, '', ''];
      let hasAsked = isEarly;
      const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
      const send = (): void => {
        const bytes = side.takeOut();
        if (bytes.length > 0) socket.write(bytes);
      };
      socket.setTimeout(MOST_MS, () => socket.destroy(new Error(`no answer in ${MOST_MS / 1000} s`)));
      socket.on('connect', () => {
        startedMs = performance.now();
        session = addon.open(set, slot, this.isVerified ? HOST : '', 0, this.isVerified ? HOST : '');
        if (isEarly) side.write(session, REQUEST);
        else side.feed(session, Buffer.alloc(0));
        send();
      });
      socket.on('data', (data) => {
        const bits = side.feed(session, data);
        const more = side.plainText();
        if (text === '' && more !== '') firstByteMs = performance.now() - startedMs;
        text += more;
        if ((bits & SECURED) !== 0) {
          peerName = addon.word(session, WORD.peerName);
          // Early data that was refused is sent again (RFC 8446 §4.2.10).
          if (!hasAsked || (isEarly && addon.facts(session) >>> 25 !== EARLY_ACCEPTED)) side.write(session, REQUEST);
          hasAsked = true;
        }
        send();
        if ((bits & FAILED) !== 0) socket.destroy(new Error(addon.word(session, WORD.failure)));
      });
      socket.on('end', () => socket.end());
      socket.on('error', reject);
      socket.on('close', () => {
        if (session < 0) return;
        const facts = addon.facts(session);
        addon.free(session);
        const kind = facts >>> 25 === EARLY_ACCEPTED ? 'early' : ((facts >>> 24) & 1) === 1 ? 'resumed' : 'full';
        if (/^HTTP\/1\.1 200 /.test(text)) resolve({ firstByteMs, kind, peerName });
        else reject(new Error(`closed after ${JSON.stringify(text.slice(0, 80))}`));
      });
    });
  }
}

/** Asks for so long, `clients` at once, each with a ticket of its own but for full handshakes. Resolves with how many were of that kind. */
export async function askFor(
  requests: TlsRequests,
  port: number,
  { kind, seconds, clients }: { readonly kind: TlsAnswer['kind']; readonly seconds: number; readonly clients: number },
): Promise<{ readonly count: number; readonly others: number }> {
  const endMs = performance.now() + seconds * 1000;
  let [count, others] = [0, 0];
  const client = async (): Promise<void> => {
    const slot = kind === 'full' ? -1 : requests.slot();
    for (let isFirst = true; performance.now() < endMs; isFirst = false) {
      // The first one has no ticket yet.
      const answer = await requests.ask({ port, slot, isEarly: kind === 'early' && !isFirst });
      if (answer.kind === kind) count += 1;
      else others += 1;
    }
    requests.drop(slot);
  };
  await Promise.all(Array.from({ length: clients }, client));
  return { count, others };
}
