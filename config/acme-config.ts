import type { Config } from './config.ts';

/** Whom certificates are ordered from. Files are whole paths. */
export interface AcmeConfig {
  readonly directory: string;
  readonly ca?: string;
  /** `mailto:` URLs. */
  readonly contact: readonly string[];
  /** Of this directory alone: what a test authority has issued is not taken for the real one's. */
  readonly storage: string;
  /** How the authority sees that a name is this host's. */
  readonly challenge: 'http-01' | 'tls-alpn-01';
  readonly keyType: 'ecdsa-p256' | 'ecdsa-p384' | 'rsa-2048';
  readonly externalAccount?: { readonly keyId: string; readonly keyFile: string };
}

/** A name that a certificate is ordered for, and the file that has it, with its key. */
export interface OrderedName {
  readonly host: string;
  readonly file: string;
}

/** Each name once, on however many listeners it is. */
export function orderedNames({ listeners }: Config): readonly OrderedName[] {
  const files = new Map<string, string>();
  for (const { tls } of listeners) {
    for (const { isOrdered, hosts, cert } of tls?.certificates ?? []) {
      if (isOrdered === true) for (const host of hosts ?? []) files.set(host, cert);
    }
  }
  return [...files].map(([host, file]) => ({ host, file }));
}
