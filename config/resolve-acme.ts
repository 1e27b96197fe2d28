import { join, resolve as resolvePath } from 'node:path';
import type { AcmeConfig } from './acme-config.ts';
import { ACME_STORAGE, LETS_ENCRYPT } from './acme-schema.ts';
import type { LoadContext } from './resolve-values.ts';
import type { ConfigFile } from './schema.ts';
import type { CertificateConfig } from './tls-config.ts';

type Acme = NonNullable<ConfigFile['acme']>;

export function resolveAcme(acme: Acme, { directory: folder }: LoadContext): AcmeConfig {
  const { directory = LETS_ENCRYPT, storage = ACME_STORAGE, external_account: account, ca } = acme;
  return {
    directory,
    ...(ca === undefined ? {} : { ca: resolvePath(folder, ca) }),
    contact: (acme.contact ?? []).map((address) => (address.startsWith('mailto:') ? address : `mailto:${address}`)),
    storage: join(resolvePath(folder, storage), labelOf(directory)),
    challenge: acme.challenge ?? 'http-01',
    keyType: acme.key_type ?? 'ecdsa-p256',
    ...(account === undefined
      ? {}
      : { externalAccount: { keyId: account.key_id, keyFile: resolvePath(folder, account.key_file) } }),
  };
}

/** The certificate of a name is one file, with the key in it, so that the two change at once. */
export function orderedCertificates(
  hosts: readonly string[],
  acme: Acme | undefined,
  context: LoadContext,
): CertificateConfig[] {
  const { storage } = resolveAcme(acme ?? {}, context);
  return hosts.map((text) => {
    const host = text.toLowerCase();
    const file = join(storage, `${host}.pem`);
    return { cert: file, key: file, hosts: [host], isOrdered: true };
  });
}

/** A name for a folder, as `acme.example_8443_directory`. */
function labelOf(directory: string): string {
  return directory
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replaceAll(/[^a-z0-9.-]+/g, '_')
    .replace(/^[._]+/, '');
}
