import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import t, { type Test } from 'tap';
import { writeProxyHeader } from '../../../lb/proxy-protocol/write-proxy-header.ts';
import { loadNativeAddon } from '../../../lb/tls/native-addon.ts';
import { CertificateMaker } from '../../fixtures/certificates.ts';
import { type PlaneOptions, type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';
import { askByTls } from '../../fixtures/tls-client.ts';
import { LISTENER_TLS, listenerMaterial } from '../../fixtures/tls-material.ts';

const maker = new CertificateMaker();
const stranger = new CertificateMaker('Another CA');
const ec = maker.leaf({ names: ['a.example'] });
const rsa = maker.leaf({ names: ['a.example'], kind: 'rsa' });
const wild = maker.leaf({ names: ['*.b.example'] });
const ca = maker.caText;
const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

const seen: http.IncomingHttpHeaders[] = [];
const server = http.createServer((request, response) => {
  seen.push(request.headers);
  request.on('data', () => {});
  request.on('end', () => response.end('hello'));
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const backend = { port: (server.address() as AddressInfo).port };
t.teardown(() => server.close());

function plane(t: Test, options: Partial<PlaneOptions> = {}, certificates = [ec, rsa, wild]): RunningPlane {
  const running = startPlane({
    servers: [backend],
    tls: listenerMaterial(certificates),
    ...options,
    listener: { tls: LISTENER_TLS, ...options.listener },
  });
  t.teardown(async () => {
    await running.drain(2000);
    await running.allPortsBack();
  });
  return running;
}

const handshakes = (running: RunningPlane) =>
  running.metrics().tls![0]!.handshakes.map(({ version, kind, count }) => [version, kind, count]);
const failures = (running: RunningPlane) => running.metrics().tls![0]!.failures;

t.test('the addon is loaded, so these tests are of it', async (t) => {
  const loaded = loadNativeAddon();
  t.ok(loaded.ok, loaded.ok ? 'loaded' : loaded.reason);
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  t.test(`${version}: a request, and a session that is resumed`, async (t) => {
    const running = plane(t);
    const limits = { minVersion: version, maxVersion: version, ca, ALPNProtocols: ['h2', 'http/1.1'] };
    const first = await askByTls(running.port, GET, limits, /hello/);
    t.match(first, {
      text: /^HTTP\/1.1 200/,
      protocol: version,
      subject: 'a.example',
      alpn: 'http/1.1',
      isReused: false,
    });
    const { session } = first;
    const again = await askByTls(
      running.port,
      GET,
      { ...limits, ...(session === undefined ? {} : { session }) },
      /hello/,
    );
    t.equal(again.isReused, true);
    t.same(handshakes(running), [
      [version.slice(4), 'full', 1],
      [version.slice(4), 'resumed', 1],
    ]);
    t.match(seen.at(-1), { 'x-forwarded-proto': 'https', 'x-forwarded-for': '127.0.0.1' });
  });
}

t.test('certificates by name and by kind of key', async (t) => {
  const running = plane(t);
  const chosen = async (options: tls.ConnectionOptions) => {
    const { subject, cipher } = await askByTls(running.port, GET, { ca, maxVersion: 'TLSv1.2', ...options }, /hello/);
    return [subject, cipher];
  };
  const none = { checkServerIdentity: () => undefined };
  t.same(await chosen({}), ['a.example', 'ECDHE-ECDSA-AES128-GCM-SHA256']);
  t.same(await chosen({ ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }), ['a.example', 'ECDHE-RSA-AES128-GCM-SHA256']);
  t.same(await chosen({ servername: 'X.B.example' }), ['*.b.example', 'ECDHE-ECDSA-AES128-GCM-SHA256']);
  t.equal((await chosen({ servername: 'deep.x.b.example', ...none }))[0], 'a.example', 'a wildcard is one label');
  t.equal((await chosen({ servername: '', ...none }))[0], 'a.example', 'no name: the first');
});

t.test('large bodies both ways, and many requests on one connection', async (t) => {
  const big = Buffer.alloc(3_000_000, 'x');
  const echo = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (data: Buffer) => parts.push(data));
    request.on('end', () => response.end(Buffer.concat(parts)));
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  t.teardown(() => echo.close());
  const running = plane(t, { servers: [{ port: (echo.address() as AddressInfo).port }] });
  const socket = tls.connect({ port: running.port, host: '127.0.0.1', servername: 'a.example', ca });
  await once(socket, 'secureConnect');
  for (let round = 0; round < 3; round++) {
    socket.write(`POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${big.length}\r\n\r\n`);
    socket.write(big);
    let got = 0;
    let text = '';
    while (got < big.length) {
      const [data] = (await once(socket, 'data')) as [Buffer];
      // Every 4096th byte tells enough of the body.
      if (text.includes('\r\n\r\n') || got > 0) got += data.filter((byte) => byte === 0x78).length;
      else {
        text += data.toString('latin1');
        if (text.includes('\r\n\r\n')) got = text.slice(text.indexOf('\r\n\r\n')).replaceAll(/[^x]/g, '').length;
      }
    }
    t.equal(got, big.length);
  }
  socket.end();
  await once(socket, 'close');
});

t.test('client certificates', async (t) => {
  const client = maker.leaf({ names: ['me.example'], commonName: 'me, "myself"' });
  const false_ = stranger.leaf({ names: ['me.example'] });
  const pem = (files: { cert: string; key: string }) => ({
    cert: readFileSync(files.cert),
    key: readFileSync(files.key),
  });
  const spoofed = 'GET / HTTP/1.1\r\nHost: a.example\r\nX-Client: CN=root\r\nX_Client: CN=root\r\n\r\n';
  for (const isRequired of [true, false]) {
    const running = plane(t, {
      tls: listenerMaterial([ec], { clientCa: maker.ca }),
      listener: { tls: { ...LISTENER_TLS, clientAuth: { ca: '', isRequired, header: 'X-Client' } } },
    });
    await askByTls(running.port, spoofed, { ca, ...pem(client) }, /hello/);
    t.equal(seen.at(-1)!['x-client'], 'CN=me\\, \\"myself\\"');
    t.equal(seen.at(-1)!.x_client, undefined);
    await t.rejects(askByTls(running.port, spoofed, { ca, ...pem(false_) }, /hello/), 'signed by another');
    if (isRequired) {
      await t.rejects(askByTls(running.port, spoofed, { ca }, /hello/), 'without one');
      t.same(
        failures(running)
          .map(({ reason }) => reason)
          .sort(),
        ['peer-did-not-return-a-certificate', 'unable-to-get-local-issuer-certificate'],
      );
    } else {
      await askByTls(running.port, spoofed, { ca }, /hello/);
      t.equal(seen.at(-1)!['x-client'], undefined, 'nothing is said of nobody');
    }
  }
});

t.test('what is no TLS, or not ours, is refused and counted, and costs the others nothing', async (t) => {
  const running = plane(t, { listener: { tls: { ...LISTENER_TLS, handshakeMs: 200 } } });
  const send = async (bytes: Buffer | undefined): Promise<void> => {
    const socket = net.connect(running.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.on('data', () => {});
    if (bytes !== undefined) socket.write(bytes);
    await once(socket, 'close');
  };
  await send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  await send(Buffer.alloc(2000, 0xa5));
  await send(Buffer.from('160301ffff', 'hex'));
  await send(Buffer.from('16030100050100000000', 'hex'));
  await send(undefined);
  await send(Buffer.from('1603010200010001fc0303', 'hex'));
  await t.rejects(
    askByTls(
      running.port,
      GET,
      { ca, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
      /hello/,
    ),
  );
  await t.rejects(askByTls(running.port, GET, { ca, ALPNProtocols: ['h2'] }, /hello/), 'a protocol that is not spoken');
  const reasons = new Map(failures(running).map(({ reason, count }) => [reason, count]));
  t.match(Object.fromEntries(reasons), {
    'http-request': 1,
    unfinished: 2,
    'unsupported-protocol': 1,
    'no-application-protocol': 1,
  });
  t.equal(
    [...reasons.values()].reduce((a, b) => a + b, 0),
    8,
  );
  await askByTls(running.port, GET, { ca }, /hello/);
});

t.test('a changed certificate is for new connections; those that are open go on', async (t) => {
  const running = plane(t, {}, [ec]);
  const old = tls.connect({ port: running.port, host: '127.0.0.1', servername: 'a.example', ca });
  await once(old, 'secureConnect');
  const renewed = maker.leaf({ names: ['a.example'], commonName: 'renewed' });
  running.tell({ type: 'tls', material: listenerMaterial([renewed]) });
  t.equal((await askByTls(running.port, GET, { ca }, /hello/)).subject, 'renewed');
  old.write(GET);
  const [answer] = (await once(old, 'data')) as [Buffer];
  t.match(answer.toString(), /^HTTP\/1.1 200/);
  old.destroy();
});

t.test(
  'who is there before a change and speaks after it is served; who leaves without a word holds nothing',
  async (t) => {
    const running = plane(t, {}, [ec]);
    const connect = async (): Promise<net.Socket> => {
      const socket = net.connect(running.port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    };
    const [speaks, leaves] = [await connect(), await connect()];
    // It is accepted after them, so they have been.
    await askByTls(running.port, GET, { ca }, /hello/);
    const renewed = maker.leaf({ names: ['a.example'], commonName: 'renewed' });
    running.tell({ type: 'tls', material: listenerMaterial([renewed]) });
    leaves.destroy();
    const secure = tls.connect({ socket: speaks, servername: 'a.example', ca });
    await once(secure, 'secureConnect');
    t.equal(secure.getPeerCertificate().subject.CN, 'a.example', 'with the certificate that was there when it came');
    secure.write(GET);
    const [answer] = (await once(secure, 'data')) as [Buffer];
    t.match(answer.toString(), /^HTTP\/1.1 200/);
    secure.destroy();
    t.equal((await askByTls(running.port, GET, { ca }, /hello/)).subject, 'renewed');
  },
);

t.test('tickets of an earlier key are good until it goes', async (t) => {
  const [first, second] = [randomBytes(80), randomBytes(80)];
  const running = plane(t, { tls: listenerMaterial([ec], { ticketKeys: first }) });
  const use = (...keys: Buffer[]): void =>
    running.tell({ type: 'tls', material: listenerMaterial([ec], { ticketKeys: Buffer.concat(keys) }) });
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const limits = { ca, minVersion: version, maxVersion: version };
    const back = (session: Buffer | undefined) =>
      askByTls(running.port, GET, { ...limits, ...(session === undefined ? {} : { session }) }, /hello/);
    use(first);
    const old = (await back(undefined)).session;
    use(second, first);
    const renewed = await back(old);
    t.equal(renewed.isReused, true, `${version}: by a ticket of the key before`);
    use(second);
    t.equal((await back(old)).isReused, false, `${version}: that key is gone`);
    t.equal((await back(renewed.session)).isReused, true, `${version}: the ticket that came instead is of the new one`);
  }
});

t.test('an OCSP response goes along with its certificate', async (t) => {
  const staple = (more: tls.ConnectionOptions, port: number) =>
    new Promise<Buffer | undefined>((resolve, reject) => {
      // Node documents `requestOCSP`; its types leave it out.
      const options = { port, host: '127.0.0.1', servername: 'a.example', ca, requestOCSP: true, ...more };
      const socket = tls.connect(options);
      socket.on('OCSPResponse', (response: Buffer) => {
        resolve(response?.length > 0 ? response : undefined);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  const ocsp = maker.staple(ec);
  const running = plane(t, { tls: listenerMaterial([{ ...ec, ocsp }, rsa]) });
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    t.same(await staple({ maxVersion }, running.port), readFileSync(ocsp), maxVersion);
  }
  const ofRsa = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } as const;
  t.equal(await staple(ofRsa, running.port), undefined, 'the other certificate has none');
  running.tell({ type: 'tls', material: listenerMaterial([{ ...ec, ocsp: maker.staple(rsa) }]) });
  t.equal(await staple({}, running.port), undefined, 'what is of another certificate is not sent');
  const notices = running.events.filter(({ type }) => type === 'notice');
  t.match(notices, [{ message: /TLS of listener "web": .*OCSP response/ }]);
});

t.test('a trusted proxy says for whom it speaks before TLS begins; servers are told in Forwarded', async (t) => {
  const trusted = [{ address: '127.0.0.0', prefix: 8 }];
  const running = plane(t, {
    listener: { hasProxyHeaders: true, forwarding: { trusted, style: 'forwarded', via: false } },
  });
  const socket = net.connect(running.port, '127.0.0.1');
  const from = { address: '192.0.2.7', port: 4711 };
  socket.write(writeProxyHeader('v2', { source: from, destination: { address: '198.51.100.1', port: 443 } }));
  const { text } = await askByTls(running.port, GET, { ca, socket }, /hello/);
  t.match(text, /^HTTP\/1.1 200/);
  t.match(seen.at(-1)!.forwarded, /^for="?192\.0\.2\.7(:4711)?"?;.*proto=https/);
  t.equal(seen.at(-1)!['x-forwarded-proto'], undefined);
});
