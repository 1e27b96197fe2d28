/** What a handshake led to. */
export interface TlsFacts {
  /** `1.2` or `1.3`. */
  readonly version: string;
  /** Of OpenSSL: `TLS_AES_128_GCM_SHA256`, `ECDHE-ECDSA-AES128-GCM-SHA256`. */
  readonly cipher: string;
  readonly kind: HandshakeKind;
  /** In lower case; '' where the client gave none. */
  readonly serverName: string;
  /** The protocol agreed on (ALPN); '' for none. */
  readonly protocol: string;
  /** Subject of the peer's certificate, verified, as RFC 2253 writes it; '' for none. */
  readonly peerName: string;
}

/** With certificates; from a ticket; from a ticket with early data, which was taken or not. */
export type HandshakeKind = 'full' | 'resumed' | 'early-accepted' | 'early-refused';
