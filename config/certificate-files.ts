import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

/** A certificate or key cannot be used; the message is a sentence without its full stop that names the file. */
export class CertificateError extends Error {
  readonly code = 'CERTIFICATE';
  readonly source = 'config';
  readonly retryable = true;
}

/** `latin1`: a character for each byte. */
export type ReadText = (file: string, encoding?: 'utf8' | 'latin1') => string;

export interface CheckedPair {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly keyType: string;
  /** DNS names of the certificate, in lower case; its common name where it has none. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
  readonly subject: string;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Reads both files and sees to it that they belong together. Throws CertificateError. */
export function readPair({ cert, key }: { readonly cert: string; readonly key: string }, read: ReadText): CheckedPair {
  const certText = readFile(cert, read);
  const [leaf] = parseChain(cert, certText);
  const keyText = readFile(key, read);
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(keyText);
  } catch (cause) {
    const isLocked = keyText.includes('ENCRYPTED');
    throw new CertificateError(
      isLocked
        ? `the key ${key} is locked by a passphrase; take it off (openssl pkey -in … -out …)`
        : `${key} is no private key in PEM`,
      { cause },
    );
  }
  if (!leaf!.checkPrivateKey(privateKey)) {
    throw new CertificateError(`the key ${key} is not that of the first certificate in ${cert}`);
  }
  try {
    createSecureContext({ cert: certText, key: keyText });
  } catch (cause) {
    const { reason = (cause as Error).message } = cause as { readonly reason?: string };
    throw new CertificateError(`no TLS can be spoken with the certificate ${cert} and its key: ${reason}`, { cause });
  }
  return {
    cert: certText,
    key: keyText,
    keyType: privateKey.asymmetricKeyType ?? 'unknown',
    names: namesOf(leaf!),
    expiresAtMs: Date.parse(leaf!.validTo),
    subject: leaf!.subject?.replaceAll('\n', ', ') ?? '',
  };
}

/** Certificates of those who may sign others. Throws CertificateError. */
export function readAuthorities(file: string, read: ReadText): string {
  const text = readFile(file, read);
  parseChain(file, text);
  return text;
}

function parseChain(file: string, text: string): X509Certificate[] {
  const parts = text.match(CERTIFICATE) ?? [];
  if (parts.length === 0) throw new CertificateError(`${file} has no certificate in PEM`);
  try {
    return parts.map((part) => new X509Certificate(part));
  } catch (cause) {
    throw new CertificateError(`${file} has a certificate that cannot be read`, { cause });
  }
}

function namesOf(leaf: X509Certificate): string[] {
  const names = [...(leaf.subjectAltName ?? '').matchAll(/DNS:([^\s,"]+)/g)].map((match) => match[1]!);
  if (names.length === 0) {
    const common = /(?:^|\n)CN=([^\n]+)/.exec(leaf.subject ?? '')?.[1];
    if (common !== undefined) names.push(common);
  }
  return names.map((name) => name.toLowerCase());
}

/**
 * Reads an OCSP response (RFC 6960 §4.2.1) that says something, DER. That it is about the certificate is seen when it is used. Throws
 * CertificateError.
 */
export function readOcsp(file: string, read: ReadText): Buffer {
  const bytes = Buffer.from(readFile(file, read, 'latin1'), 'latin1');
  // SEQUENCE, its length (one byte, or a byte that counts those that follow), then the status as ENUMERATED.
  const at = bytes.length > 1 && bytes[1]! >= 0x80 ? 2 + (bytes[1]! & 0x7f) : 2;
  if (bytes[0] !== 0x30 || bytes[at] !== 0x0a || bytes[at + 1] !== 1) {
    throw new CertificateError(`${file} is no OCSP response in DER (openssl ocsp -respout … writes one)`);
  }
  const status = bytes[at + 2];
  if (status !== 0) throw new CertificateError(`${file} is an OCSP response without an answer (status ${status})`);
  return bytes;
}

function readFile(file: string, read: ReadText, encoding?: 'latin1'): string {
  try {
    return read(file, encoding);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EACCES'
          ? 'you may not read it'
          : (code ?? 'it cannot be read');
    throw new CertificateError(`${file}: ${why}`, { cause: error });
  }
}
