/** Some of the translated connections found; arrays are reused: copy what you keep. Entry i is valid for i < count. */
export interface ConntrackBatch {
  count: number;
  /** Index into `sources`: where the server thinks that the connection comes from. */
  readonly source: Uint16Array;
  readonly sourcePort: Uint16Array;
  /** Index into `servers`, or 65535: another one. */
  readonly server: Uint16Array;
  readonly serverPort: Uint16Array;
  /** The port that the client connected to. */
  readonly listenerPort: Uint16Array;
  /** IPPROTO_*. */
  readonly protocol: Uint8Array;
  /** TCP_CONNTRACK_* of linux/netfilter/nf_conntrack_tcp.h; 0 for other protocols. */
  readonly state: Uint8Array;
  /** The client's end came before the server's. */
  readonly isEndedByClient: Uint8Array;
  /** The datagram that was decoded last. */
  bytes: Uint8Array;
  /** Where in it the entry's own tuple is, as an attribute; and the number by which the kernel knows the entry. */
  readonly tupleAt: Uint16Array;
  readonly id: Uint32Array;
}

export function createConntrackBatch(capacity: number): ConntrackBatch {
  return {
    count: 0,
    source: new Uint16Array(capacity),
    sourcePort: new Uint16Array(capacity),
    server: new Uint16Array(capacity),
    serverPort: new Uint16Array(capacity),
    listenerPort: new Uint16Array(capacity),
    protocol: new Uint8Array(capacity),
    state: new Uint8Array(capacity),
    isEndedByClient: new Uint8Array(capacity),
    bytes: new Uint8Array(),
    tupleAt: new Uint16Array(capacity),
    id: new Uint32Array(capacity),
  };
}
