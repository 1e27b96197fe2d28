import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CertificateMaker } from '../fixtures/certificates.ts';
import type { SubjectOptions } from './subject.ts';

/** A certificate (ECDSA, P-256) for a.example, its key, and a file with both, of an authority of its own. */
export function makeTlsFiles(directory: string): NonNullable<SubjectOptions['tls']> & { readonly ca: string } {
  const maker = new CertificateMaker();
  const { cert, key } = maker.leaf({ names: ['a.example'] });
  const both = join(directory, 'both.pem');
  writeFileSync(both, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'));
  return { cert, key, both, ca: maker.caText };
}
