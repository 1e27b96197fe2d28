import { once } from 'node:events';
import tls from 'node:tls';
import t from 'tap';
import { CertificateMaker } from '../fixtures/certificates.ts';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { askByTls } from '../fixtures/tls-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';
const maker = new CertificateMaker();
const files = maker.leaf({ names: ['a.example'] });

t.test('a Node that loads no addon: TLS is served, without early data, and that is said', async (t) => {
  const [web, admin] = await freePorts();
  const config = writeConfig(`
planes: 1
admin: { listen: "127.0.0.1:${admin}" }
listeners:
  - name: web
    bind: "127.0.0.1:${web}"
    tls: { certificates: [{ cert: "${files.cert}", key: "${files.key}", ocsp: "${maker.staple(files)}" }], early_data: true, hsts: {} }
    routes: [{ answer: { body: hello } }]
backends:
  - { name: app, servers: [{ address: "127.0.0.1:9" }] }
`);
  const portico = new PorticoProcess(['run', '-c', config], undefined, { NODE_OPTIONS: '--no-addons' });
  t.teardown(async () => {
    portico.child.kill('SIGTERM');
    await portico.ended();
  });
  await portico.until(/Portico is running\./);
  await portico.until(/TLS goes by Node's own module, slower and without early data, as the addon cannot be loaded/);
  await portico.until(/this Node offers no TLS early data: listeners that ask for it go on without/);
  await portico.until(/TLS of listener "web": this Node staples no OCSP responses/);
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const limits = { ca: maker.caText, minVersion: version, maxVersion: version };
    const first = await askByTls(web, GET, limits, /hello/);
    t.match(first.text, /^HTTP\/1.1 200 OK\r\n[\s\S]*Strict-Transport-Security: max-age=63072000\r\n/i);
    // Here a resumed session brings no new ticket.
    const again = tls.connect({
      ...limits,
      port: web,
      host: '127.0.0.1',
      servername: 'a.example',
      session: first.session,
    });
    await once(again, 'secureConnect');
    t.equal(again.isSessionReused(), true, `${version}: a session is resumed`);
    again.write(GET);
    await once(again, 'data');
    again.destroy();
  }
  const metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  t.match(metrics, /portico_tls_handshakes_total\{listener="web",backend="",version="1.3",kind="resumed"\} 1/);
});
