import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { BackendConfig, Config, ListenerConfig, ListenerTlsConfig } from '../../config/config.ts';
import type { ChallengeAnswer } from '../control/messages.ts';
import type { TlsMetrics } from '../metrics/plane-metrics.ts';
import { BackendTls } from './backend-tls.ts';
import { CIPHER_LISTS } from './cipher-lists.ts';
import { ListenerTls } from './listener-tls.ts';
import { OutgoingTls } from './outgoing-tls.ts';
import { planContexts } from './plan-contexts.ts';
import type { ListenerMaterial, TlsMaterial } from './tls-material.ts';
import type { ServerSettings, TlsProvider } from './tls-provider.ts';

/** What the http engine speaks. */
const HTTP_PROTOCOLS = ['http/1.1'];
/** A request head, and little more. */
const EARLY_BYTES = 16_384;

export interface PlaneTlsDeps {
  /** Called with the first use of TLS. */
  readonly createProvider: () => TlsProvider;
  /** Something that the operator should read. */
  readonly onNotice: (message: string) => void;
}

/**
 * The TLS of one plane: for each listener and backend what its connections are made with, replaced when certificates or the config change.
 * Connections that are open keep what they were made with.
 */
export class PlaneTls {
  private readonly deps: PlaneTlsDeps;
  private readonly listeners = new Map<string, ListenerTls>();
  private readonly backends = new Map<string, BackendTls>();
  private provider: TlsProvider | undefined = undefined;
  private readonly noticed = new Set<string>();

  constructor(deps: PlaneTlsDeps) {
    this.deps = deps;
  }

  /** From now on new connections are made so. What cannot be used leaves what was there before, and says why. */
  apply(config: Config, material: TlsMaterial): void {
    for (const [name, listener] of this.listeners) {
      if (!config.listeners.some((each) => each.name === name && each.tls !== undefined)) listener.forget();
    }
    if (material.listeners.length === 0 && material.backends.length === 0) return;
    this.provider ??= this.deps.createProvider();
    const { provider } = this;
    provider.useTicketKeys(material.ticketKeys);
    if (material.strikes !== undefined) {
      const fault = provider.useStrikes(material.strikes);
      if (fault !== '') this.notice(`TLS early data is refused: its register cannot be used (${fault})`);
    }
    for (const each of material.listeners) {
      const listener = config.listeners.find(({ name }) => name === each.listener);
      if (listener?.tls === undefined) continue;
      if (listener.tls.earlyData && !provider.hasEarlyData) {
        this.notice('this Node offers no TLS early data: listeners that ask for it go on without');
      }
      this.attempt(`listener "${each.listener}"`, () => {
        const side = provider.createServer(settingsOf(listener, listener.tls!, each, provider));
        this.listener(listener).use(side);
        for (const notice of side.notices) this.notice(`TLS of listener "${each.listener}": ${notice}`);
      });
    }
    for (const each of material.backends) {
      const tls = config.backends.find(({ name }) => name === each.backend)?.tls;
      if (tls === undefined) continue;
      this.attempt(`backend "${each.backend}"`, () => {
        const { minVersion } = tls;
        const ciphers = CIPHER_LISTS.intermediate;
        const side = provider.createClient({ minVersion, ciphers, ca: tls.isVerified ? each.ca : '', pair: each.pair });
        this.backendOf(each.backend).use(provider, side);
      });
    }
  }

  /** To authorities that ask by TLS. */
  useChallenges(answers: readonly ChallengeAnswer[]): void {
    const pairs = answers.filter((answer) => answer.type === 'tls-alpn-01');
    if (this.provider?.useChallenges(pairs) === false && pairs.length > 0) {
      this.notice('no authority can be answered by TLS-ALPN-01, as the TLS addon cannot be loaded; use HTTP-01');
    }
  }

  private attempt(what: string, use: () => void): void {
    try {
      use();
    } catch (error) {
      this.notice(`TLS of ${what} stays as it was: ${(error as Error).message}`);
    }
  }

  private notice(message: string): void {
    if (this.noticed.has(message)) return;
    this.noticed.add(message);
    this.deps.onNotice(message);
  }

  /** For a listener with `tls`. */
  listener({ name }: ListenerConfig): ListenerTls {
    const known = this.listeners.get(name) ?? new ListenerTls();
    this.listeners.set(name, known);
    return known;
  }

  /** Undefined: the servers of the backend are spoken to in the clear. */
  outgoing(
    { name, tls }: BackendConfig,
    server: { readonly id: string; readonly host: string; readonly name?: string },
  ): OutgoingTls | undefined {
    if (tls === undefined) return undefined;
    const { serverName = server.name ?? '', isVerified } = tls;
    return new OutgoingTls(this.backendOf(name), server.id, {
      host: isVerified ? serverName || server.host : '',
      // RFC 6066 §3: an address is no name to ask for.
      serverName: isIP(serverName) === 0 ? serverName : '',
    });
  }

  private backendOf(name: string): BackendTls {
    const known = this.backends.get(name) ?? new BackendTls();
    this.backends.set(name, known);
    return known;
  }

  metrics(): TlsMetrics[] {
    return [
      ...[...this.listeners].map(([name, { counters }]) => ({
        side: 'listener' as const,
        name,
        ...counters.snapshot(),
      })),
      ...[...this.backends].map(([name, { counters }]) => ({ side: 'backend' as const, name, ...counters.snapshot() })),
    ];
  }
}

function settingsOf(
  { name, engine }: ListenerConfig,
  { minVersion, ciphers, clientAuth, protocols, earlyData }: ListenerTlsConfig,
  material: ListenerMaterial,
  provider: TlsProvider,
): ServerSettings {
  const { clientCa = '' } = material;
  return {
    contexts: planContexts(material.pairs),
    minVersion,
    ciphers: CIPHER_LISTS[ciphers],
    protocols: engine === 'http' ? HTTP_PROTOCOLS : protocols,
    // A session says that a client was verified: it must not be resumed where others are trusted, or nobody is asked.
    sessionId: createHash('sha256')
      .update(JSON.stringify([name, clientAuth?.isRequired, clientCa]))
      .digest(),
    clientAuth: clientAuth === undefined ? undefined : { ca: clientCa, isRequired: clientAuth.isRequired },
    earlyBytes: earlyData && provider.hasEarlyData ? EARLY_BYTES : 0,
  };
}
