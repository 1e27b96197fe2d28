import type { ByteStream, StreamOwner } from '../net/byte-stream.ts';
import type { TcpStream } from '../net/tcp-stream.ts';
import type { CipherList } from './cipher-lists.ts';
import type { ContextPlan } from './plan-contexts.ts';
import type { TlsCounters } from './tls-counters.ts';
import type { StrikeRegister } from './tls-material.ts';

/** It hears of its connection as the owner of that. */
export type SecureStream = ByteStream & StreamOwner;

/** Gives the TCP connection to whoever is to hear of it. */
export type OpenTcp = (owner: StreamOwner) => TcpStream;

export interface ServerSettings {
  readonly contexts: readonly ContextPlan[];
  readonly minVersion: '1.2' | '1.3';
  readonly ciphers: CipherList;
  /** Protocols to agree on (ALPN), the best first. None: the client's offer is passed over. */
  readonly protocols: readonly string[];
  /** Sessions are resumed only where this is the same: 32 bytes at most. */
  readonly sessionId: Buffer;
  readonly clientAuth: { readonly ca: string; readonly isRequired: boolean } | undefined;
  /** Early data that a client may send at most; 0: none is taken. */
  readonly earlyBytes: number;
}

/** The certificate that shows an authority that a name is this host's. */
export interface ChallengePair {
  readonly host: string;
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface ClientSettings {
  readonly minVersion: '1.2' | '1.3';
  readonly ciphers: CipherList;
  /** PEM: who may sign the server's certificate. Empty: it is not verified. */
  readonly ca: string;
  readonly pair: { readonly cert: string; readonly key: string } | undefined;
}

/** The server that a connection goes to. */
export interface TlsPeer {
  /** Name, or IP address, that its certificate must be for; '' is any. */
  readonly host: string;
  /** What to ask for (SNI); '' for nothing. */
  readonly serverName: string;
  /** Where its last session is kept; from `createSlot`. */
  readonly slot: number;
}

export interface TlsServerSide {
  /** What of the settings it goes on without. */
  readonly notices: readonly string[];
  /** Speaks TLS on a connection that a client has opened. */
  accept(open: OpenTcp, owner: StreamOwner, counters: TlsCounters): SecureStream;
  /** Connections keep what they use. */
  drop(): void;
}

export interface TlsClientSide {
  /** Speaks TLS on a connection that this side has opened; the owner hears `onSecured`, or `onError`. */
  connect(open: OpenTcp, owner: StreamOwner, counters: TlsCounters, peer: TlsPeer): ByteStream;
  drop(): void;
}

/** One implementation of TLS. */
export interface TlsProvider {
  /** Can it take early data, and can its tickets be shared? */
  readonly hasEarlyData: boolean;
  /** Throws where the certificates cannot be used, with the reason as message. */
  createServer(settings: ServerSettings): TlsServerSide;
  createClient(settings: ClientSettings): TlsClientSide;
  createSlot(): number;
  dropSlot(slot: number): void;
  /**
   * On every server side, who asks by `acme-tls/1` alone gets one of these and is then closed; replaces those of before. False: it cannot be
   * done.
   */
  useChallenges(pairs: readonly ChallengePair[]): boolean;
  /** 80 bytes each, the current one first. */
  useTicketKeys(keys: Uint8Array): void;
  /** '' or why the register cannot be used; early data is refused then. */
  useStrikes(strikes: StrikeRegister): string;
}
