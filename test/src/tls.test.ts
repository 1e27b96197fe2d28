import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CertificateMaker } from '../fixtures/certificates.ts';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { type Answered, askByTls } from '../fixtures/tls-client.ts';

const maker = new CertificateMaker();
const ca = maker.caText;
const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n';
const cert = join(maker.folder, 'live.pem');
const key = join(maker.folder, 'live.key');

function install(files: { readonly cert: string; readonly key: string }): void {
  copyFileSync(files.key, key);
  copyFileSync(files.cert, cert);
}

async function start(
  t: Test,
  planes: number,
): Promise<{ portico: PorticoProcess; web: number; metrics: () => Promise<string> }> {
  const [web, admin] = await freePorts();
  const portico = new PorticoProcess([
    'run',
    '-c',
    writeConfig(`
planes: ${planes}
admin: { listen: "127.0.0.1:${admin}" }
listeners:
  - name: web
    bind: "127.0.0.1:${web}"
    tls: { certificates: [{ cert: "${cert}", key: "${key}" }] }
    routes: [{ answer: { body: hello } }]
backends:
  - { name: app, servers: [{ address: "127.0.0.1:9" }] }
`),
  ]);
  t.teardown(async () => {
    portico.child.kill('SIGTERM');
    await portico.ended();
  });
  await portico.until(/Portico is running\./);
  return { portico, web, metrics: async () => (await fetch(`http://127.0.0.1:${admin}/metrics`)).text() };
}

t.test('any plane resumes what any other began, by TLS 1.2 and 1.3', async (t) => {
  install(maker.leaf({ names: ['a.example'] }));
  const { web, metrics } = await start(t, 4);
  let session: Buffer | undefined;
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const options = { ca, minVersion: version, maxVersion: version };
    const first = await askByTls(web, GET, options, /hello/);
    t.equal(first.isReused, false);
    session = first.session;
    // Forty connections at once reach every plane; each presents a session of one of them.
    const rest: Answered[] = await Promise.all(
      Array.from({ length: 40 }, () =>
        askByTls(web, GET, { ...options, ...(session === undefined ? {} : { session }) }, /hello/),
      ),
    );
    t.equal(rest.filter(({ isReused }) => isReused).length, 40, version);
  }
  const text = await metrics();
  t.match(text, /portico_tls_handshakes_total\{listener="web",backend="",version="1.3",kind="resumed"\} 40/);
  t.match(text, /portico_tls_certificate_expiry_seconds\{listener="web",certificate="[^"]+live.pem"\} 1\d{9}/);
});

t.test('certificates that change on the disk; one that is broken changes nothing', async (t) => {
  install(maker.leaf({ names: ['a.example'] }));
  const { portico, web } = await start(t, 2);
  install(maker.leaf({ names: ['a.example'], commonName: 'second' }));
  await portico.until(/certificates have changed; new connections get the new ones/);
  // The message to each plane is on its way.
  const subjects = async (): Promise<string[]> => {
    const asked = await Promise.all(Array.from({ length: 8 }, () => askByTls(web, GET, { ca }, /hello/)));
    return asked.map(({ subject }) => subject);
  };
  while ((await subjects()).includes('a.example'));
  t.same(new Set(await subjects()), new Set(['second']));
  writeFileSync(cert, readFileSync(maker.leaf({ names: ['a.example'], commonName: 'third' }).cert));
  await portico.until(/cannot be used, those of before are used on: the key .* is not that of the first certificate/);
  t.equal((await askByTls(web, GET, { ca }, /hello/)).subject, 'second');
});

t.test('a start with a pair that does not fit says so', async (t) => {
  install({ cert: maker.leaf({ names: ['a.example'] }).cert, key: maker.leaf({ names: ['a.example'] }).key });
  const portico = new PorticoProcess([
    'run',
    '-c',
    writeConfig(`
listeners: [{ name: web, bind: "127.0.0.1:0", backend: app, tls: { certificates: [{ cert: "${cert}", key: "${key}" }] } }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:9" }] }]
`),
  ]);
  t.equal(await portico.ended(), 1);
  t.match(portico.stderr, /portico.yaml:2:\d+: the key .*live.key is not that of the first certificate in .*live.pem/);
});
