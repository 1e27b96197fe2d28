/** One end of a TCP connection. */
export interface ProxiedEnd {
  /** An IP address, IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
}

/** A client's connection as the first proxy saw it. */
export interface ProxiedAddresses {
  readonly source: ProxiedEnd;
  readonly destination: ProxiedEnd;
}
