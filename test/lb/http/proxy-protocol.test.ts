import t, { type Test } from 'tap';
import { writeProxyHeader } from '../../../lb/proxy-protocol/write-proxy-header.ts';
import { FakeClock } from '../../fixtures/fake-clock.ts';
import { RawClient } from '../../fixtures/raw-client.ts';
import { type RawServer, startRawServer } from '../../fixtures/raw-server.ts';
import { type PlaneOptions, type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const ADDRESSES = {
  source: { address: '192.0.2.7', port: 4711 },
  destination: { address: '198.51.100.1', port: 443 },
};
const SIX = {
  source: { address: '2001:db8::7', port: 4711 },
  destination: { address: '2001:db8::1', port: 443 },
};
const TRUSTED = {
  hasProxyHeaders: true,
  forwarding: { trusted: [{ address: '127.0.0.0', prefix: 8 }], style: 'x-forwarded', via: false },
} as const;

async function run(t: Test, options: Partial<PlaneOptions>): Promise<{ plane: RunningPlane; server: RawServer }> {
  const server = await startRawServer(
    (socket, data) => data.toString('latin1').endsWith('\r\n\r\n') && socket.write(OK),
  );
  const plane = startPlane({ servers: [{ port: server.port }], ...options });
  t.teardown(async () => {
    plane.stop();
    await plane.allPortsBack();
    await server.close();
  });
  return { plane, server };
}

async function ask(client: RawClient, bytes: string | Buffer = GET): Promise<void> {
  client.received = '';
  await client.send(bytes).until((received) => received.endsWith('\r\n\r\nok'));
}

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setImmediate(resolve));
}

const rejected = (plane: RunningPlane): Record<string, number> =>
  Object.fromEntries(plane.metrics().listeners[0]!.rejected.map(({ reason, count }) => [reason, count]));

// In

for (const [name, header, address] of [
  ['version 1', writeProxyHeader('v1', ADDRESSES), '192.0.2.7'],
  ['version 2', writeProxyHeader('v2', ADDRESSES), '192.0.2.7'],
  ['version 2, IPv6', writeProxyHeader('v2', SIX), '2001:db8::7'],
  ['of the proxy itself', writeProxyHeader('v2', undefined), '127.0.0.1'],
  ['of an unknown client', Buffer.from('PROXY UNKNOWN\r\n'), '127.0.0.1'],
] as const) {
  t.test(`a header ${name} names the client, at once or byte by byte`, async (t) => {
    const { plane, server } = await run(t, { listener: TRUSTED });
    const client = new RawClient(plane.port);
    await ask(client, Buffer.concat([header, Buffer.from(GET)]));
    await ask(client);
    client.close();
    const dripped = new RawClient(plane.port);
    dripped.socket.setNoDelay(true);
    for (const byte of header) {
      dripped.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await ask(dripped);
    dripped.close();
    t.same(server.received().match(/X-Forwarded-For: .*(?=\r)/g), Array(3).fill(`X-Forwarded-For: ${address}`));
  });
}

t.test('what a client claims is not believed because a proxy is', async (t) => {
  const { plane, server } = await run(t, { listener: TRUSTED });
  const client = new RawClient(plane.port);
  await ask(
    client,
    Buffer.concat([
      writeProxyHeader('v1', ADDRESSES),
      Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n'),
    ]),
  );
  client.close();
  t.match(server.received(), /X-Forwarded-For: 192\.0\.2\.7\r\n/);
});

t.test('what is no header is refused without an answer', async (t) => {
  const { plane, server } = await run(t, { listener: TRUSTED });
  const hostile = [
    GET,
    'PROXY TCP4 1.2.3.4\r\n',
    `PROXY TCP4 ${'1'.repeat(200)}`,
    'PROXY TCP4 1.2.3.4 1.2.3.5 1 99999\r\n',
    Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a', 'hex'), Buffer.from([0x31, 0x11, 0, 12])]),
    Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a', 'hex'), Buffer.from([0x21, 0x11, 0xff, 0xff])]),
  ];
  for (const bytes of hostile) {
    const client = new RawClient(plane.port).send(bytes);
    t.equal(await client.closed(), '');
  }
  t.same(rejected(plane), { 'proxy-header': hostile.length });
  t.equal(server.received(), '');
  await until(() => plane.metrics().listeners[0]!.connections === 0);
});

t.test('a header that does not come is waited for no longer than a head', async (t) => {
  const clock = new FakeClock();
  const { plane } = await run(t, { listener: { ...TRUSTED, timeouts: { headerMs: 5000 } }, clock });
  const slow = new RawClient(plane.port).send('PROXY TCP4 ');
  const gone = new RawClient(plane.port).send('PROXY ');
  await until(() => plane.metrics().listeners[0]!.connections === 2);
  gone.close();
  await until(() => plane.metrics().listeners[0]!.connections === 1);
  clock.advance(5020);
  t.equal(await slow.closed(), '');
  t.same(rejected(plane), { 'proxy-header-timeout': 1 });
});

t.test('strangers send no header: from them it is a broken request', async (t) => {
  const forwarding = { ...TRUSTED.forwarding, trusted: [{ address: '10.0.0.0', prefix: 8 }] };
  const { plane } = await run(t, { listener: { ...TRUSTED, forwarding } });
  const client = new RawClient(plane.port);
  await ask(client);
  client.close();
  const liar = new RawClient(plane.port).send(Buffer.concat([writeProxyHeader('v1', ADDRESSES), Buffer.from(GET)]));
  t.match(await liar.closed(), /^HTTP\/1\.1 400 /);
});

t.test('clients are counted by the address that the header names', async (t) => {
  const { plane } = await run(t, { listener: { ...TRUSTED, limits: { connectionsPerClient: 1 } } });
  const named = (address: string): Buffer =>
    Buffer.concat([writeProxyHeader('v2', { ...ADDRESSES, source: { address, port: 1 } }), Buffer.from(GET)]);
  const first = new RawClient(plane.port);
  await ask(first, named('192.0.2.1'));
  const other = new RawClient(plane.port);
  await ask(other, named('192.0.2.2'));
  const second = new RawClient(plane.port).send(named('192.0.2.1'));
  t.match(await second.closed(), /^HTTP\/1\.1 429 /);
  first.close();
  other.close();
});

t.test('a drain does not wait for headers', async (t) => {
  const { plane } = await run(t, { listener: TRUSTED });
  const client = new RawClient(plane.port).send('PROXY ');
  await until(() => plane.metrics().listeners[0]!.connections === 1);
  await plane.drain(60_000);
  t.equal(await client.closed(), '');
});

// Out

for (const version of ['v1', 'v2'] as const) {
  t.test(
    `servers are told of the client by ${version}, once for each connection, and clients share none`,
    async (t) => {
      const { plane, server } = await run(t, { backend: { proxyProtocol: version } });
      const clients = [new RawClient(plane.port), new RawClient(plane.port)];
      for (let i = 0; i < 3; i++) for (const client of clients) await ask(client);
      t.equal(server.sockets.length, 2, 'kept alive');
      for (const client of clients) {
        const { localPort } = client.socket;
        const header = writeProxyHeader(version, {
          source: { address: '127.0.0.1', port: localPort! },
          destination: { address: '127.0.0.1', port: plane.port },
        });
        t.equal(server.received().split(header.toString('latin1')).length, 2, 'once');
      }
      t.ok(server.received().startsWith(version === 'v1' ? 'PROXY TCP4 127.0.0.1 ' : '\r\n\r\n\0\r\nQUIT\n'));
      clients[0]!.close();
      await until(() => plane.metrics().servers[0]!.idle === 1);
      t.equal(plane.metrics().servers[0]!.active, 0, 'its connection ended with the client');
      clients[1]!.close();
      await until(() => plane.metrics().servers[0]!.idle === 0);
    },
  );
}

t.test('what came in goes out', async (t) => {
  const { plane, server } = await run(t, { listener: TRUSTED, backend: { proxyProtocol: 'v1' } });
  const client = new RawClient(plane.port);
  await ask(client, Buffer.concat([writeProxyHeader('v2', ADDRESSES), Buffer.from(GET)]));
  client.close();
  t.match(server.received(), /^PROXY TCP4 192\.0\.2\.7 198\.51\.100\.1 4711 443\r\nGET \/ /);
});

t.test('connections that their clients do not need make room for others', async (t) => {
  const { plane, server } = await run(t, { backend: { proxyProtocol: 'v1', connectionsPerServer: 2 } });
  const clients = Array.from({ length: 8 }, () => new RawClient(plane.port));
  for (let i = 0; i < 3; i++) await Promise.all(clients.map((client) => ask(client)));
  t.equal(server.received().match(/GET/g)!.length, 24);
  t.ok(plane.metrics().servers[0]!.idle <= 2);
  for (const client of clients) client.close();
});

t.test('a connection that broke is replaced by one with its own header', async (t) => {
  const server = await startRawServer((socket, _data, connection) => {
    if (connection === 0) socket.destroy();
    else socket.write(OK);
  });
  const plane = startPlane({ servers: [{ port: server.port }], backend: { proxyProtocol: 'v1' } });
  const client = new RawClient(plane.port);
  await ask(client);
  client.close();
  t.equal(server.received().match(/PROXY TCP4 [^\r]*\r\nGET/g)?.length, 2);
  plane.stop();
  await plane.allPortsBack();
  await server.close();
});
