/** How a listener terminates TLS. Files are whole paths. */
export interface ListenerTlsConfig {
  readonly certificates: readonly CertificateConfig[];
  readonly minVersion: '1.2' | '1.3';
  readonly ciphers: 'intermediate' | 'modern';
  /** From the connection to the end of the handshake. */
  readonly handshakeMs: number;
  readonly clientAuth?: ClientAuthConfig;
  /** Protocols to agree on, the best first. tcp engine. */
  readonly protocols: readonly string[];
  /** Takes TLS 1.3 early data. */
  readonly earlyData: boolean;
}

export interface CertificateConfig {
  readonly cert: string;
  readonly key: string;
  /** DER file of an OCSP response about it. */
  readonly ocsp?: string;
  /** In lower case. Absent: the names that are in the certificate. */
  readonly hosts?: readonly string[];
  /** Portico orders it by ACME; the file comes to be when it starts. */
  readonly isOrdered?: boolean;
}

export interface ClientAuthConfig {
  readonly ca: string;
  /** A client without a certificate is refused. */
  readonly isRequired: boolean;
  /** Field that tells servers the subject; as written. */
  readonly header?: string;
}

/** How the servers of a backend are spoken to. */
export interface BackendTlsConfig {
  /** Absent: the address of each server. */
  readonly serverName?: string;
  readonly isVerified: boolean;
  /** Absent: those whom the machine trusts. */
  readonly ca?: string;
  readonly pair?: { readonly cert: string; readonly key: string };
  readonly minVersion: '1.2' | '1.3';
}
