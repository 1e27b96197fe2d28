import { generateKeyPairSync, webcrypto } from 'node:crypto';

/** Long enough for whatever keeps the authority from issuing, and within what the alert of certificates that expire says. */
const DAYS = 7;

/** A certificate for the name that nobody has signed but itself, with its key, PEM: what clients get until there is a real one. */
export async function createPlaceholder(host: string, nowMs: number): Promise<string> {
  const x509 = await import('@peculiar/x509');
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const { subtle } = webcrypto;
  const keys = {
    privateKey: await subtle.importKey('pkcs8', privateKey.export({ type: 'pkcs8', format: 'der' }), algorithm, false, [
      'sign',
    ]),
    publicKey: await subtle.importKey('spki', publicKey.export({ type: 'spki', format: 'der' }), algorithm, true, [
      'verify',
    ]),
  };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      // A common name has 64 characters at most (RFC 5280, upper bound of X.520).
      name: [{ O: ['Portico placeholder'] }],
      notBefore: new Date(nowMs - 3_600_000),
      notAfter: new Date(nowMs + DAYS * 86_400_000),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      keys,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: host }])],
    },
    webcrypto,
  );
  return `${privateKey.export({ type: 'pkcs8', format: 'pem' })}${certificate.toString('pem')}\n`;
}
