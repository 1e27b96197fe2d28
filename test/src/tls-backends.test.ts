import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import t, { type Test } from 'tap';
import { CertificateMaker } from '../fixtures/certificates.ts';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { RawClient } from '../fixtures/raw-client.ts';

const maker = new CertificateMaker();
const stranger = new CertificateMaker('Another CA');
const pem = (files: { cert: string; key: string }) => ({
  cert: readFileSync(files.cert),
  key: readFileSync(files.key),
});
const GET = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

async function run(t: Test, listeners: string, backends: string): Promise<{ metrics: () => Promise<string> }> {
  const [, admin] = await freePorts();
  const config = `planes: 1\nadmin: { listen: "127.0.0.1:${admin}" }\nlisteners:\n${listeners}\nbackends:\n${backends}\n`;
  const portico = new PorticoProcess(['run', '-c', writeConfig(config)]);
  t.teardown(async () => {
    portico.child.kill('SIGTERM');
    await portico.ended();
  });
  await portico.until(/Portico is running\./);
  return { metrics: async () => (await fetch(`http://127.0.0.1:${admin}/metrics`)).text() };
}

async function serve(
  t: Test,
  options: https.ServerOptions,
): Promise<{ port: number; sessions: boolean[]; names: unknown[] }> {
  const sessions: boolean[] = [];
  const names: unknown[] = [];
  const server = https.createServer(options, (request, response) => {
    const socket = request.socket as tls.TLSSocket;
    if (request.url !== '/healthz') {
      sessions.push(socket.isSessionReused());
      names.push([(socket as unknown as { servername: string }).servername, socket.getPeerCertificate()?.subject?.CN]);
    }
    response.setHeader('Connection', 'close');
    response.end('hello');
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sessions, names };
}

t.test('servers by TLS: verified, asked by name, shown a certificate, resumed, checked', async (t) => {
  const mine = maker.leaf({ names: ['portico'], commonName: 'portico' });
  const server = await serve(t, {
    ...pem(maker.leaf({ names: ['app.internal'] })),
    ca: maker.caText,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const [web, other] = await freePorts();
  const { metrics } = await run(
    t,
    `  - { name: web, bind: "127.0.0.1:${web}", backend: app }\n  - { name: other, bind: "127.0.0.1:${other}", backend: wrong }`,
    `  - name: app
    health: { path: /healthz, interval: 100ms }
    tls: { server_name: app.internal, ca: "${maker.ca}", cert: "${mine.cert}", key: "${mine.key}" }
    servers: [{ address: "127.0.0.1:${server.port}" }]
  - name: wrong
    tls: { server_name: other.internal, ca: "${maker.ca}", cert: "${mine.cert}", key: "${mine.key}" }
    servers: [{ address: "127.0.0.1:${server.port}" }]`,
  );
  for (let i = 0; i < 3; i++) t.match(await new RawClient(web).send(GET).closed(), /^HTTP\/1.1 200/);
  t.same(server.names[0], ['app.internal', 'portico']);
  t.same(server.sessions, [false, true, true], 'every further connection resumes');
  t.match(await new RawClient(other).send(GET).closed(), /^HTTP\/1.1 502/, 'a certificate for another name');
  const text = await metrics();
  t.match(text, /portico_server_up\{backend="app",server="127.0.0.1:\d+"\} 1/);
  t.match(text, /portico_tls_handshakes_total\{listener="",backend="app",version="1.3",kind="resumed"\} 2/);
  t.match(text, /portico_tls_failures_total\{listener="",backend="wrong",reason="hostname-mismatch"\} \d/);
});

t.test('a server that nobody vouches for is down, and with verify: false it is not', async (t) => {
  const server = await serve(t, pem(stranger.leaf({ names: ['127.0.0.1'] })));
  const [strict, lax] = await freePorts();
  const at = `servers: [{ address: "127.0.0.1:${server.port}" }]`;
  await run(
    t,
    `  - { name: strict, bind: "127.0.0.1:${strict}", backend: strict }\n  - { name: lax, bind: "127.0.0.1:${lax}", backend: lax }`,
    `  - { name: strict, health: { path: /healthz }, tls: { ca: "${maker.ca}" }, ${at} }\n  - { name: lax, health: { path: /healthz }, tls: { verify: false }, ${at} }`,
  );
  t.match(await new RawClient(strict).send(GET).closed(), /^HTTP\/1.1 503/);
  t.match(await new RawClient(lax).send(GET).closed(), /^HTTP\/1.1 200/);
});

t.test('tcp: TLS is taken off and put on again', async (t) => {
  const files = pem(maker.leaf({ names: ['127.0.0.1'] }));
  const server = tls.createServer(files, (socket) => socket.pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const plain = net.createServer((socket) => socket.pipe(socket));
  plain.listen(0, '127.0.0.1');
  await once(plain, 'listening');
  t.teardown(() => plain.close());
  const front = maker.leaf({ names: ['a.example', 'b.example'] });
  const [both] = await freePorts();
  await run(
    t,
    `  - name: both
    bind: "127.0.0.1:${both}"
    engine: tcp
    tls: { certificates: [{ cert: "${front.cert}", key: "${front.key}" }], alpn: [x-echo] }
    routes: [{ host: a.example, backend: secure }, { host: b.example, backend: plain }]`,
    `  - { name: secure, tls: { ca: "${maker.ca}" }, servers: [{ address: "127.0.0.1:${(server.address() as AddressInfo).port}" }] }
  - { name: plain, servers: [{ address: "127.0.0.1:${(plain.address() as AddressInfo).port}" }] }`,
  );
  for (const servername of ['a.example', 'b.example']) {
    const client = tls.connect({
      port: both,
      host: '127.0.0.1',
      servername,
      ca: maker.caText,
      ALPNProtocols: ['x-echo'],
    });
    await once(client, 'secureConnect');
    t.equal(client.alpnProtocol, 'x-echo');
    const big = Buffer.alloc(1_000_000, servername);
    client.write(big);
    let got = 0;
    while (got < big.length) got += ((await once(client, 'data')) as [Buffer])[0].length;
    t.equal(got, big.length);
    client.end();
    await once(client, 'close');
  }
});
