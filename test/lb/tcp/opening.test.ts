import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import type net from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import t, { type Test } from 'tap';
import type { ForwardingConfig, ListenerConfig } from '../../../config/config.ts';
import { readProxyHeader } from '../../../lb/proxy-protocol/read-proxy-header.ts';
import { writeProxyHeader } from '../../../lb/proxy-protocol/write-proxy-header.ts';
import { helloMessage, inRecords, realClientHello, serverNameExtension } from '../../fixtures/client-hello.ts';
import { RawClient } from '../../fixtures/raw-client.ts';
import { type RawServer, startRawServer } from '../../fixtures/raw-server.ts';
import { type PlaneOptions, type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const TCP = { connections: Number.POSITIVE_INFINITY, idleMs: 60_000 };
const TIMEOUTS = { headerMs: 60 };

/** A listener to which these send PROXY headers. */
const proxied = (...trusted: ForwardingConfig['trusted']): Partial<ListenerConfig> => ({
  hasProxyHeaders: true,
  tcp: TCP,
  forwarding: { trusted, style: 'none', via: false },
});

function relay(t: Test, { listener, ...options }: PlaneOptions): RunningPlane {
  const plane = startPlane({ ...options, listener: { engine: 'tcp', ...listener } });
  t.teardown(async () => {
    plane.stop();
    await plane.allPortsBack();
  });
  return plane;
}

async function echoServer(t: Test): Promise<RawServer> {
  const server = await startRawServer((socket, data) => void socket.write(data));
  t.teardown(() => server.close());
  return server;
}

const rejected = (plane: RunningPlane): Record<string, number> =>
  Object.fromEntries(plane.metrics().listeners[0]!.rejected.map(({ reason, count }) => [reason, count]));

async function poll(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** A key and a certificate of its own, made with openssl. */
function certificate(): { key: string; cert: string } {
  const directory = temporaryFolder();
  try {
    const [key, cert] = [join(directory, 'key'), join(directory, 'cert')];
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
    execFileSync('openssl', ['req', ...kind, '-subj', '/CN=test', '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const ROUTES = [
  { host: 'a.example', backend: 'a' },
  { host: '*.b.example', backend: 'b' },
];

t.test('whole TLS sessions go to the server of the name that they ask for', async (t) => {
  const identity = certificate();
  const servers: Record<string, tls.Server> = {};
  for (const name of ['a', 'b', 'app']) {
    const server = tls.createServer(identity, (socket) => socket.end(name)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    servers[name] = server;
  }
  const at = (name: string) => [{ port: (servers[name]!.address() as net.AddressInfo).port }];
  const plane = relay(t, {
    servers: at('app'),
    moreBackends: { a: at('a'), b: at('b') },
    listener: { routes: [...ROUTES, { backend: 'app' }] },
  });
  const ask = async (servername: string): Promise<string> => {
    const socket = tls.connect({ port: plane.port, host: '127.0.0.1', servername, rejectUnauthorized: false });
    const [data] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return data.toString();
  };
  t.same(await Promise.all(['a.example', 'A.Example', 'x.b.example', 'b.example', 'c.example', ''].map(ask)), [
    'a',
    'a',
    'b',
    'app',
    'app',
    'app',
  ]);
});

t.test('a ClientHello in single bytes and tiny records reaches its server unchanged', async (t) => {
  const a = await echoServer(t);
  const plane = relay(t, { servers: [], moreBackends: { a: [a], b: [] }, listener: { routes: ROUTES } });
  const message = helloMessage({ extensions: [serverNameExtension(Buffer.from('a.example'))] });
  const hello = inRecords(message, Array(20).fill(3));
  const client = new RawClient(plane.port);
  client.socket.setNoDelay(true);
  for (const byte of hello) {
    client.send(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await client.until((text) => text.length === hello.length);
  t.equal(a.received(), hello.toString('latin1'));
  client.close();
});

t.test('who names no server that is routed, is no TLS client, or takes too long, is refused and counted', async (t) => {
  const a = await echoServer(t);
  const plane = relay(t, {
    servers: [],
    moreBackends: { a: [a], b: [] },
    listener: { routes: ROUTES, timeouts: TIMEOUTS },
  });
  const bad = inRecords(helloMessage({ extensions: [serverNameExtension(Buffer.from('a.example:443'))] }));
  const hello = await realClientHello('a.example');
  const cases: readonly (readonly [string, Buffer, boolean])[] = [
    ['no-route', await realClientHello('other.example'), false],
    ['no-route', Buffer.from('SSH-2.0-x\r\n'), false],
    ['client-hello', bad, false],
    ['timeout', hello.subarray(0, 40), false],
    ['incomplete', hello.subarray(0, 40), true],
  ];
  for (const [reason, bytes, ends] of cases) {
    const before = rejected(plane)[reason] ?? 0;
    const client = new RawClient(plane.port, { allowHalfOpen: true }).send(bytes);
    if (ends) client.socket.end();
    await client.closed();
    t.equal(rejected(plane)[reason], before + 1, reason);
    t.equal(client.error, 'ECONNRESET');
  }
  t.equal(a.sockets.length, 0);
});

t.test('a PROXY header in is taken off, and its client is the one that servers hear of', async (t) => {
  const server = await echoServer(t);
  const addresses = { source: { address: '192.0.2.7', port: 1000 }, destination: { address: '192.0.2.8', port: 443 } };
  for (const inbound of ['v1', 'v2'] as const) {
    for (const outbound of ['v1', 'v2', undefined] as const) {
      const plane = relay(t, {
        servers: [server],
        ...(outbound === undefined ? {} : { backend: { proxyProtocol: outbound } }),
        listener: proxied({ address: '127.0.0.0', prefix: 8 }),
      });
      const client = new RawClient(plane.port).send(writeProxyHeader(inbound, addresses)).send('payload');
      const text = await client.until((received) => received.endsWith('payload'));
      const received = Buffer.from(text, 'latin1');
      if (outbound === undefined) t.equal(text, 'payload');
      else
        t.match(readProxyHeader(received, received.length), { kind: 'header', length: received.length - 7, addresses });
      t.match(plane.metrics().streams, [{ bytesIn: 7 }], 'headers are not counted');
      client.close();
    }
  }
});

t.test('without one in, the header says what the sockets say', async (t) => {
  const server = await echoServer(t);
  const plane = relay(t, { servers: [server], backend: { proxyProtocol: 'v2' } });
  const client = new RawClient(plane.port).send('x');
  const text = await client.until((received) => received.endsWith('x'));
  const received = Buffer.from(text, 'latin1');
  t.match(readProxyHeader(received, received.length), {
    addresses: {
      source: { address: '127.0.0.1', port: client.socket.localPort! },
      destination: { address: '127.0.0.1', port: plane.port },
    },
  });
  client.close();
});

t.test('headers are for those who may send them; a wrong one ends the connection', async (t) => {
  const server = await echoServer(t);
  const trusting = relay(t, {
    servers: [server],
    listener: { ...proxied({ address: '127.0.0.0', prefix: 8 }), timeouts: TIMEOUTS },
  });
  const wrong = new RawClient(trusting.port).send('GET / HTTP/1.1\r\n');
  await wrong.closed();
  const silent = new RawClient(trusting.port);
  await silent.closed();
  t.same(rejected(trusting), { 'proxy-header': 1, timeout: 1 });
  t.equal(server.sockets.length, 0);
  const wary = relay(t, {
    servers: [server],
    listener: proxied({ address: '192.0.2.0', prefix: 24 }, { address: '2001:db8::', prefix: 32 }),
  });
  const header = 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n';
  const client = new RawClient(wary.port).send(header);
  t.equal(await client.until((text) => text.length === header.length), header, 'from others it is payload');
  client.close();
});

t.test('hash by client goes by the address that the header names', async (t) => {
  const servers = [await echoServer(t), await echoServer(t)];
  const plane = relay(t, {
    servers,
    backend: { balance: 'hash' },
    listener: proxied({ address: '127.0.0.0', prefix: 8 }),
  });
  const counts = new Map<string, Set<number>>();
  for (let i = 0; i < 64; i++) {
    const address = `192.0.2.${i % 16}`;
    const before = servers.map(({ sockets }) => sockets.length);
    const client = new RawClient(plane.port);
    client.send(`PROXY TCP4 ${address} 192.0.2.200 ${i} 1\r\nx`);
    await client.until((text) => text === 'x');
    client.close();
    const chosen = servers.findIndex(({ sockets }, k) => sockets.length > before[k]!);
    counts.set(address, (counts.get(address) ?? new Set()).add(chosen));
  }
  t.ok(
    [...counts.values()].every((chosen) => chosen.size === 1),
    'one client, one server',
  );
  t.ok(servers.every(({ sockets }) => sockets.length > 0));
  await poll(() => plane.metrics().listeners[0]!.connections === 0);
});
