import tls from 'node:tls';
import { NodeTlsStream } from './node-tls-stream.ts';
import type { ContextPlan } from './plan-contexts.ts';
import type { ClientSettings, ServerSettings, TlsClientSide, TlsProvider, TlsServerSide } from './tls-provider.ts';

/** Length of the keys that Node takes for tickets, which are the same 80 bytes less 32. */
const NODE_KEY_BYTES = 48;

const VERSION = { '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' } as const;

/**
 * TLS by `node:tls`, where the addon cannot be loaded. Tickets are shared by all planes as well, under the current key alone; there is no
 * early data, and each byte costs more.
 */
export class NodeTls implements TlsProvider {
  readonly hasEarlyData = false;
  private ticketKeys: Buffer | undefined = undefined;
  private readonly sessions = new Map<number, Buffer>();
  private nextSlot = 0;

  createServer(settings: ServerSettings): TlsServerSide {
    const { ciphers, minVersion, clientAuth, protocols, sessionId } = settings;
    const contextOf = ({ pairs }: ContextPlan): tls.SecureContext =>
      tls.createSecureContext({
        cert: pairs.map(({ cert }) => cert),
        key: pairs.map(({ key }) => key),
        minVersion: VERSION[minVersion],
        ciphers: `${ciphers.suites}:${ciphers.ciphers}`,
        ecdhCurve: ciphers.groups,
        honorCipherOrder: true,
        // Node takes hexadecimal text of 32 characters at most.
        sessionIdContext: sessionId.toString('hex').slice(0, 32),
        ...(clientAuth === undefined ? {} : { ca: clientAuth.ca }),
        ...(this.ticketKeys === undefined ? {} : { ticketKeys: this.ticketKeys }),
      });
    const contexts = settings.contexts.map((plan) => ({ names: plan.names, context: contextOf(plan) }));
    const choose = (name: string): tls.SecureContext => {
      const lower = name.toLowerCase();
      const parent = lower.slice(lower.indexOf('.'));
      const named = (wanted: string) => contexts.find(({ names }) => names.includes(wanted))?.context;
      return named(lower) ?? named(`*${parent}`) ?? contexts[0]!.context;
    };
    const hasStaples = settings.contexts.some(({ pairs }) => pairs.some(({ ocsp }) => ocsp !== undefined));
    return {
      notices: hasStaples ? ['this Node staples no OCSP responses'] : [],
      accept: (open, owner, counters) =>
        new NodeTlsStream(open, owner, counters, (duplex) => {
          const socket = new tls.TLSSocket(duplex, {
            isServer: true,
            secureContext: contexts[0]!.context,
            SNICallback: (name, done) => done(null, choose(name)),
            requestCert: clientAuth !== undefined,
            rejectUnauthorized: clientAuth?.isRequired ?? false,
            ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
          });
          return { socket, isVerified: () => clientAuth === undefined || socket.authorized };
        }),
      drop: () => {},
    };
  }

  createClient({ minVersion, ciphers, ca, pair }: ClientSettings): TlsClientSide {
    const secureContext = tls.createSecureContext({
      minVersion: VERSION[minVersion],
      ciphers: `${ciphers.suites}:${ciphers.ciphers}`,
      ecdhCurve: ciphers.groups,
      ...(ca === '' ? {} : { ca: ca.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [] }),
      ...(pair === undefined ? {} : pair),
    });
    return {
      connect: (open, owner, counters, { host, serverName, slot }) =>
        new NodeTlsStream(open, owner, counters, (duplex) => {
          const session = this.sessions.get(slot)?.length === 0 ? undefined : this.sessions.get(slot);
          const socket = tls.connect({
            socket: duplex,
            secureContext,
            rejectUnauthorized: ca !== '',
            servername: serverName,
            checkServerIdentity: (_name, cert) => (host === '' ? undefined : tls.checkServerIdentity(host, cert)),
            ...(session === undefined ? {} : { session }),
          });
          socket.on('session', (next) => {
            if (this.sessions.has(slot)) this.sessions.set(slot, next);
          });
          return { socket, isVerified: () => true };
        }),
      drop: () => {},
    };
  }

  createSlot(): number {
    this.sessions.set(this.nextSlot, Buffer.alloc(0));
    return this.nextSlot++;
  }

  dropSlot(slot: number): void {
    this.sessions.delete(slot);
  }

  /** Node chooses a certificate before it looks at the protocol. */
  useChallenges(): boolean {
    return false;
  }

  useTicketKeys(keys: Uint8Array): void {
    this.ticketKeys = Buffer.from(keys.subarray(0, NODE_KEY_BYTES));
  }

  useStrikes(): string {
    return '';
  }
}
