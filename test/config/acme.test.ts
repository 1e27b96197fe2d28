import t from 'tap';
import { orderedNames } from '../../config/acme-config.ts';
import { loadConfig } from '../../config/load.ts';

const PLAIN = '{ name: plain, bind: ":80", backend: app }';
const web = (tls: string, more = '') => `{ name: web, bind: ":443", backend: app, tls: { ${tls} }${more} }`;

function load(acme: string, ...listeners: readonly string[]) {
  const text = `${acme === '' ? '' : `acme: ${acme}\n`}listeners:\n${listeners.map((each) => `  - ${each}\n`).join('')}backends: [{ name: app, servers: [{ address: "127.0.0.1:1" }] }]\n`;
  return loadConfig(text, { file: 'p.yaml', directory: '/etc/portico', cpuCount: 2, readText: () => '' });
}

t.test('names of listeners, each with a file that need not be there yet', async (t) => {
  const acme = '{ terms_accepted: true, contact: [ops@a.example], external_account: { key_id: k, key_file: eab } }';
  const result = load(
    acme,
    web('acme: [A.example, b.example]'),
    web('acme: [b.example]').replace('443', '444').replace('web', 'more'),
    PLAIN,
  );
  t.ok(result.ok);
  if (!result.ok) return;
  const folder = '/var/lib/portico/acme/acme-v02.api.letsencrypt.org_directory';
  t.same(result.config.acme, {
    directory: 'https://acme-v02.api.letsencrypt.org/directory',
    contact: ['mailto:ops@a.example'],
    storage: folder,
    challenge: 'http-01',
    keyType: 'ecdsa-p256',
    externalAccount: { keyId: 'k', keyFile: '/etc/portico/eab' },
  });
  t.same(orderedNames(result.config), [
    { host: 'a.example', file: `${folder}/a.example.pem` },
    { host: 'b.example', file: `${folder}/b.example.pem` },
  ]);
});

const FINE = '{ terms_accepted: true }';
const CASES: readonly (readonly [acme: string, listeners: readonly string[], fault: RegExp])[] = [
  ['', [web('acme: [a.example]'), PLAIN], /^listeners\[0\]\.tls\.acme nobody is named to order from; add "acme:"/],
  ['{}', [web('acme: [a.example]'), PLAIN], /^acme the authority issues to those who agree .*"terms_accepted: true"/],
  [FINE, [web('acme: [a.example]')], /^acme the authority looks at http:\/\/NAME\/ \(HTTP-01\); add a listener/],
  [
    '{ terms_accepted: true, directory: "http://a/" }',
    [web('acme: [a.example]'), PLAIN],
    /^acme\.directory .* not an https URL/,
  ],
  ['{ terms_accepted: true, contact: [nobody] }', [web('acme: [a.example]'), PLAIN], /^acme\.contact\[0\] /],
  [FINE, [web('acme: ["*.a.example"]'), PLAIN], /^listeners\[0\]\.tls\.acme\[0\] .* needs DNS-01/],
  [FINE, [web('acme: [10.0.0.1]'), PLAIN], /^listeners\[0\]\.tls\.acme\[0\] .* is an address/],
  [FINE, [web('acme: ["a.example:443"]'), PLAIN], /^listeners\[0\]\.tls\.acme\[0\] certificates know no ports/],
  [FINE, [web('acme: ["../a"]'), PLAIN], /^listeners\[0\]\.tls\.acme\[0\] "\.\.\/a" is not a host/],
  [FINE, [web('acme: [a.example, A.example]'), PLAIN], /^listeners\[0\]\.tls\.acme\[1\] "A.example" is there twice/],
  [
    FINE,
    [web('acme: [a.example]', ', engine: haproxy'), PLAIN],
    /^listeners\[0\]\.tls\.acme certificates are ordered for/,
  ],
  [FINE, [web('min_version: "1.3"'), PLAIN], /^listeners\[0\]\.tls there is nothing to prove itself with/],
];

t.test('what cannot be ordered is told where it stands', async (t) => {
  for (const [acme, listeners, fault] of CASES) {
    const result = load(acme, ...listeners);
    const faults = result.ok ? [] : result.faults.map(({ path, message }) => `${path} ${message}`);
    t.ok(
      faults.some((text) => fault.test(text)),
      `${fault}: ${faults.join('\n')}`,
    );
  }
});

t.test('what is probably not meant', async (t) => {
  const warnings = (...listeners: readonly string[]): readonly string[] => {
    const result = load(FINE, ...listeners);
    return result.ok ? result.warnings.map(({ message }) => message) : ['not valid'];
  };
  t.match(warnings(PLAIN), ['no listener has names to order for in "tls.acme"']);
  t.match(warnings(web('acme: [a.example]'), PLAIN.replace('80', '8080')), [
    /no http listener without "tls" is at port 80/,
  ]);
  t.same(warnings(web('acme: [a.example]'), PLAIN), []);
});
