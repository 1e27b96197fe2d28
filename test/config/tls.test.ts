import { readFileSync } from 'node:fs';
import t from 'tap';
import { loadConfig } from '../../config/load.ts';
import { CertificateMaker } from '../fixtures/certificates.ts';

const maker = new CertificateMaker();
const good = maker.leaf({ names: ['a.example', 'b.example'] });
const other = maker.leaf({ names: ['c.example'] });

function load(listener: string, backend = '{ name: app, servers: [{ address: "127.0.0.1:1" }] }') {
  const text = `listeners:\n  - ${listener}\nbackends:\n  - ${backend}\n`;
  const readText = (file: string, encoding: 'utf8' | 'latin1' = 'utf8'): string => readFileSync(file, encoding);
  return loadConfig(text, { file: 'p.yaml', directory: maker.folder, cpuCount: 2, readText });
}

const messages = (result: ReturnType<typeof load>) => (result.ok ? [] : result.faults.map(({ message }) => message));
const web = (tls: string, more = '') => `{ name: web, bind: ":443", backend: app, tls: { ${tls} }${more} }`;
const pair = (cert: string, key: string) => `certificates: [{ cert: "${cert}", key: "${key}" }]`;
const fine = pair(good.cert, good.key);

t.test('a listener with everything', async (t) => {
  const result = load(
    web(
      `${fine}, ciphers: modern, hsts: { include_subdomains: true }, client_auth: { ca: "${maker.ca}", header: X-Client }, early_data: true`,
    ),
  );
  t.same(messages(result), []);
  if (!result.ok) return;
  const [listener] = result.config.listeners;
  t.match(listener, {
    tls: {
      minVersion: '1.3',
      ciphers: 'modern',
      earlyData: true,
      clientAuth: { ca: maker.ca, isRequired: true, header: 'X-Client' },
    },
    routes: [
      {
        responseHeaders: {
          set: [{ name: 'Strict-Transport-Security', value: ['max-age=63072000; includeSubDomains'] }],
        },
      },
    ],
  });
});

t.test('files are looked at, and where they are wrong is told', async (t) => {
  const faultOf = (tls: string): string => {
    const result = load(web(tls));
    return result.ok ? '' : `${result.faults[0]!.line}:${result.faults[0]!.path} ${result.faults[0]!.message}`;
  };
  const at = '2:listeners[0].tls.certificates[0]';
  t.equal(faultOf(pair('none.pem', good.key)), `${at} ${maker.folder}/none.pem: there is no such file`);
  t.equal(faultOf(pair(good.key, good.key)), `${at} ${good.key} has no certificate in PEM`);
  t.equal(faultOf(pair(good.cert, good.cert)), `${at} ${good.cert} is no private key in PEM`);
  t.equal(
    faultOf(pair(good.cert, other.key)),
    `${at} the key ${other.key} is not that of the first certificate in ${good.cert}`,
  );
  const weak = maker.leaf({ names: ['a.example'], kind: 'weak' });
  t.equal(
    faultOf(pair(weak.cert, weak.key)),
    `${at} no TLS can be spoken with the certificate ${weak.cert} and its key: ee key too small`,
  );
  const stapled = (ocsp: string) =>
    faultOf(`certificates: [{ cert: "${good.cert}", key: "${good.key}", ocsp: "${ocsp}" }]`);
  t.equal(stapled(maker.staple(good)), '');
  t.equal(
    stapled(good.cert),
    `${at}.ocsp ${good.cert} is no OCSP response in DER (openssl ocsp -respout … writes one)`,
  );
});

t.test('what does not go together', async (t) => {
  const first = (listener: string, backend?: string): string => messages(load(listener, backend))[0] ?? '';
  t.match(first(web(fine, ', engine: kernel')), /kernel engine .* terminates no TLS/);
  t.match(first(web(`${fine}, alpn: [h2]`)), /speaks http\/1.1/);
  t.match(first(web(`${fine}, hsts: {}`, ', engine: tcp')), /sees no requests/);
  t.match(first(web(`${fine}, ciphers: modern, min_version: "1.2"`)), /TLS 1.3/);
  const stapled = `certificates: [{ cert: "${good.cert}", key: "${good.key}", ocsp: a.der }]`;
  t.match(messages(load(web(stapled, ', engine: haproxy'))).join(), /HAProxy gets no OCSP responses/);
  t.match(first('{ name: web, bind: ":80", routes: [{ backend: app, early_data: true }] }'), /part of TLS/);
  t.match(
    first(`{ name: web, bind: ":443", tls: { ${fine} }, routes: [{ backend: app, early_data: true }] }`),
    /the listener takes no early data/,
  );
  t.match(first(web(fine), '{ name: app, tls: { cert: a }, servers: [{ address: "127.0.0.1:1" }] }'), /go together/);
  t.match(first(web(fine), '{ name: app, tls: {}, workers: { module: "builtin:echo" } }'), /in the clear/);
});
