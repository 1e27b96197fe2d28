/** A certificate with its key, read and checked. */
export interface Pair {
  /** PEM: the certificate, and those that lead to its root. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** What the authority says of the certificate, DER. */
  readonly ocsp?: Uint8Array;
  /** `rsa`, `ec`, …: a client may be able to use only one kind. */
  readonly keyType: string;
  /** Names that it serves, in lower case; `*.` stands for one label. */
  readonly names: readonly string[];
}

export interface ListenerMaterial {
  readonly listener: string;
  /** The first is for clients that give no name. */
  readonly pairs: readonly Pair[];
  /** PEM: who may sign the certificates of clients. */
  readonly clientCa?: string;
}

export interface BackendMaterial {
  readonly backend: string;
  /** PEM: who may sign the certificates of servers. */
  readonly ca: string;
  /** What Portico shows to servers that ask for a certificate. */
  readonly pair?: { readonly cert: string; readonly key: string };
}

/** Where planes write down which early data they have taken. */
export interface StrikeRegister {
  readonly file: string;
  /** No ticket is about that is older than the register; otherwise early data is refused for the window that it covers. */
  readonly isAsOldAsKeys: boolean;
}

/** The secrets and certificates of a plane. It comes from the primary, so that all planes have the same. */
export interface TlsMaterial {
  readonly listeners: readonly ListenerMaterial[];
  readonly backends: readonly BackendMaterial[];
  /** 80 bytes each, the current one first; tickets of the others are accepted still. */
  readonly ticketKeys: Uint8Array;
  readonly strikes?: StrikeRegister;
}
