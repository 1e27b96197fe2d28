import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import t from 'tap';
import { CertificateMaker } from '../fixtures/certificates.ts';
import { freePorts } from '../fixtures/portico-process.ts';
import { HaproxyLab, noHaproxy } from '../fixtures/running-haproxy.ts';
import { askByTls } from '../fixtures/tls-client.ts';

const GET = (path = '/'): string =>
  `GET ${path} HTTP/1.1\r\nHost: a.example\r\nX-Subject: me\r\nConnection: close\r\n\r\n`;

/** The certificate that a client is shown. */
function shown(
  port: number,
  options: tls.ConnectionOptions,
): Promise<{ readonly name: string; readonly alpn: unknown }> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
      resolve({ name: String(socket.getPeerCertificate().subject.CN), alpn: socket.alpnProtocol });
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

t.test(
  'TLS of listeners of HAProxy: names, HTTP/2, clients with certificates, servers by TLS',
  { skip: noHaproxy },
  async (t) => {
    const maker = new CertificateMaker();
    const a = maker.leaf({ names: ['a.example'], commonName: 'a-ec' });
    const aRsa = maker.leaf({ names: ['a.example'], kind: 'rsa', commonName: 'a-rsa' });
    const b = maker.leaf({ names: ['unused.example'], commonName: 'b' });
    const inside = maker.leaf({ names: ['app.internal'] });
    const person = maker.leaf({ names: [], commonName: 'Ann' });
    const backend = http
      .createServer()
      .on('request', (request, response) => response.end(JSON.stringify(request.headers)));
    const secure = tls.createServer(
      { cert: readFileSync(inside.cert), key: readFileSync(inside.key), ca: maker.caText, requestCert: true },
      (socket) => backend.emit('connection', socket),
    );
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    t.teardown(() => secure.close());
    const { port: server } = secure.address() as { port: number };
    const [[listener, raw], [mutual]] = [await freePorts(), await freePorts()];
    const certificates = `certificates: [{ cert: ${a.cert}, key: ${a.key} }, { cert: ${aRsa.cert}, key: ${aRsa.key} }, { cert: ${b.cert}, key: ${b.key}, hosts: ["*.b.example"] }]`;
    const lab = await HaproxyLab.start(
      t,
      `
sources: [{ name: wide, addresses: [127.0.17.1-127.0.17.2], ports: 21000-21999 }]
listeners:
  - { name: web, bind: "127.0.0.1:${listener}", engine: haproxy, routes: [{ backend: app }], tls: { ${certificates}, hsts: {} } }
  - { name: mutual, bind: "127.0.0.1:${mutual}", engine: haproxy, routes: [{ backend: app }], tls: { ${certificates}, client_auth: { ca: ${maker.ca}, header: X-Subject } } }
  - { name: raw, bind: "127.0.0.1:${raw}", engine: haproxy, mode: tcp, routes: [{ host: a.example, backend: app }], tls: { ${certificates}, alpn: [echo], ciphers: modern } }
backends:
  - { name: app, health: { path: /healthz, interval: 200ms }, tls: { server_name: app.internal, ca: ${maker.ca}, cert: ${person.cert}, key: ${person.key} }, servers: [{ address: "127.0.0.1:${server}" }] }
`,
    );
    await lab.until('portico_server_up', 'backend="app"', (value) => value === 1);
    const trusted = { ca: maker.caText };

    const answer = await askByTls(listener, GET(), trusted, /\}$/);
    t.match(answer.text, /"x-forwarded-proto":"https"/);
    t.match(answer.text, /strict-transport-security: max-age=63072000/i);
    t.equal(answer.subject, 'a-ec');
    const old = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } as const;
    t.equal((await shown(listener, { servername: 'a.example', ...old })).name, 'a-rsa', 'by the kind of key');
    t.equal((await shown(listener, { servername: 'x.b.example' })).name, 'b', 'by "hosts"');
    t.equal((await shown(listener, { servername: 'nobody.example' })).name, 'a-ec', 'the first for unknown names');
    t.equal((await shown(listener, { ALPNProtocols: ['h2', 'http/1.1'] })).alpn, 'h2');
    await t.rejects(shown(listener, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }), 'not below the lowest version');
    await t.rejects(shown(raw, { maxVersion: 'TLSv1.2' }), '"modern" is TLS 1.3 alone');

    const session = http2.connect(`https://127.0.0.1:${listener}`, { ...trusted, servername: 'a.example' });
    const stream = session.request({ ':path': '/two', ':authority': 'a.example' });
    const [headers] = (await new Promise<unknown[]>((resolve) => stream.on('response', (...all) => resolve(all)))) as [
      Record<string, number>,
    ];
    t.equal(headers[':status'], 200, 'HTTP/2');
    session.destroy();

    const none = await askByTls(mutual, GET(), trusted, /\}$/).catch((error: Error) => error.message);
    t.match(none, /certificate required|closed|ECONNRESET|alert/i, 'no certificate, no answer');
    const client = { ...trusted, cert: readFileSync(person.cert), key: readFileSync(person.key) };
    t.match((await askByTls(mutual, GET(), client, /\}$/)).text, /"x-subject":"CN=Ann"/, 'never what the client says');
    t.match(
      (await askByTls(raw, GET(), { ...client, ALPNProtocols: ['echo'] }, /\}$/)).text,
      /200 OK/,
      'by the name in TLS',
    );
    t.equal((await shown(raw, { servername: 'a.example', ALPNProtocols: ['echo'] })).alpn, 'echo');

    const directory = lab.directory!;
    t.equal(statSync(directory).mode & 0o777, 0o700);
    for (const name of readdirSync(join(directory, 'tls'))) {
      t.equal(statSync(join(directory, 'tls', name)).mode & 0o777, 0o600, name);
    }

    const open = tls.connect({ port: listener, host: '127.0.0.1', ...trusted, servername: 'a.example' });
    await new Promise((resolve) => open.once('secureConnect', resolve));
    const before = await lab.workers();
    const next = maker.leaf({ names: ['a.example'], commonName: 'a-next' });
    copyFileSync(next.key, a.key);
    copyFileSync(next.cert, a.cert);
    while ((await shown(listener, { servername: 'a.example' })).name !== 'a-next');
    t.same(await lab.workers(), before, 'without a reload');
    open.write(GET());
    t.match(String(await new Promise((resolve) => open.once('data', resolve))), /200 OK/, 'what is open stays');
    open.destroy();
    writeFileSync(a.cert, 'no certificate');
    await lab.portico.until(/no certificate in PEM/);
    t.equal(
      (await shown(listener, { servername: 'a.example' })).name,
      'a-next',
      'one that does not fit changes nothing',
    );

    lab.portico.child.kill('SIGTERM');
    await lab.portico.ended();
    t.notOk(existsSync(directory), 'nothing of it is left, keys least of all');
    const refused = connectTcp(listener, '127.0.0.1');
    t.equal(
      await new Promise((resolve) => refused.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))),
      'ECONNREFUSED',
    );
  },
);
