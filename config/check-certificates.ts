import { CertificateError, type ReadText, readAuthorities, readOcsp, readPair } from './certificate-files.ts';
import type { Config } from './config.ts';
import type { Finding, Path } from './finding.ts';

/**
 * The files that the TLS of a config names: whether they are there, can be read, and fit each other. Those that Portico orders come to be with
 * its start.
 */
export function checkCertificates(config: Config, read: ReadText): Finding[] {
  const findings: Finding[] = [];
  const check = (path: Path, look: () => void): void => {
    try {
      look();
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      findings.push({ path, message: error.message });
    }
  };
  config.listeners.forEach(({ tls }, i) => {
    const at = ['listeners', i, 'tls'];
    tls?.certificates.forEach((pair, k) => {
      if (pair.isOrdered === true) return;
      check([...at, 'certificates', k], () => void readPair(pair, read));
      if (pair.ocsp !== undefined) check([...at, 'certificates', k, 'ocsp'], () => void readOcsp(pair.ocsp!, read));
    });
    const auth = tls?.clientAuth;
    if (auth !== undefined) check([...at, 'client_auth', 'ca'], () => void readAuthorities(auth.ca, read));
  });
  const { acme } = config;
  if (acme?.ca !== undefined) check(['acme', 'ca'], () => void readAuthorities(acme.ca!, read));
  config.backends.forEach(({ tls }, i) => {
    const at = ['backends', i, 'tls'];
    if (tls?.ca !== undefined) check([...at, 'ca'], () => void readAuthorities(tls.ca!, read));
    if (tls?.pair !== undefined) check([...at, 'cert'], () => void readPair(tls.pair!, read));
  });
  return findings;
}
