import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { promisify } from 'node:util';
import t from 'tap';
import { CIPHER_LISTS } from '../../../lb/tls/cipher-lists.ts';
import { CertificateMaker } from '../../fixtures/certificates.ts';
import { startPlane } from '../../fixtures/running-plane.ts';
import { LISTENER_TLS, listenerMaterial } from '../../fixtures/tls-material.ts';

// What sslscan finds from the outside; `npm run bench -- --only tls-scan` asks testssl.sh, which takes minutes.

const maker = new CertificateMaker();
t.teardown(() => rmSync(maker.folder, { recursive: true, force: true }));
const material = listenerMaterial([
  maker.leaf({ names: ['a.example'] }),
  maker.leaf({ names: ['a.example'], kind: 'rsa' }),
]);

async function scan(ciphers: 'intermediate' | 'modern') {
  const { minVersion } = CIPHER_LISTS[ciphers];
  const plane = startPlane({
    servers: [],
    tls: material,
    listener: { tls: { ...LISTENER_TLS, ciphers, minVersion } },
  });
  const args = ['--xml=-', '--sni-name=a.example', `127.0.0.1:${plane.port}`];
  const { stdout } = await promisify(execFile)('sslscan', args);
  plane.stop();
  const all = (tag: string): Record<string, string>[] =>
    [...stdout.matchAll(new RegExp(`<${tag} ([^>]*?)/?>`, 'g'))].map(([, attributes]) =>
      Object.fromEntries([...attributes!.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name!, value!])),
    );
  return {
    versions: all('protocol')
      .filter(({ enabled }) => enabled === '1')
      .map(({ version }) => version!),
    /** In the order in which the server prefers them. */
    ciphers: (version: string): readonly string[] =>
      all('cipher')
        .filter(({ sslversion }) => sslversion === version)
        .map(({ cipher }) => cipher!),
    groups: [...new Set(all('group').map(({ name }) => name!))],
    weak: all('cipher').filter(({ strength }) => strength !== 'acceptable' && strength !== 'strong'),
    bleeding: all('heartbleed').filter(({ vulnerable }) => vulnerable !== '0'),
    renegotiation: all('renegotiation'),
  };
}

const GROUPS = ['secp256r1 (NIST P-256)', 'secp384r1 (NIST P-384)', 'x25519'];

t.test('intermediate: TLS 1.2 and 1.3 with the ciphers of the list, in its order', async (t) => {
  const found = await scan('intermediate');
  const { suites, ciphers } = CIPHER_LISTS.intermediate;
  t.same(found.versions, ['1.2', '1.3']);
  t.same(found.ciphers('TLSv1.3'), suites.split(':'));
  t.same(found.ciphers('TLSv1.2'), ciphers.split(':'));
  t.same(found.groups, GROUPS);
  t.same([found.weak, found.bleeding], [[], []]);
  t.same(found.renegotiation, [{ supported: '0', secure: '0' }]);
});

t.test('modern: TLS 1.3 alone', async (t) => {
  const found = await scan('modern');
  t.same(found.versions, ['1.3']);
  t.same(found.ciphers('TLSv1.3'), CIPHER_LISTS.modern.suites.split(':'));
  t.same(found.ciphers('TLSv1.2'), []);
  t.same(found.groups, GROUPS);
  t.same([found.weak, found.bleeding], [[], []]);
});
