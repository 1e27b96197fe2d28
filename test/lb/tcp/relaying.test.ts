import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import t, { type Test } from 'tap';
import { startFullBacklogServer } from '../../fixtures/full-backlog-server.ts';
import { RawClient } from '../../fixtures/raw-client.ts';
import { type RawServer, startRawServer } from '../../fixtures/raw-server.ts';
import { type PlaneOptions, type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';

const TCP = { connections: Number.POSITIVE_INFINITY, idleMs: 60_000 };

/** A plane with a tcp listener; the test ends when no port is in use any more. */
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

async function poll(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 2));
}

const outcomes = (plane: RunningPlane): Record<string, number> =>
  Object.fromEntries(plane.metrics().streams[0]!.outcomes.map(({ outcome, count }) => [outcome, count]));
const rejected = (plane: RunningPlane): Record<string, number> =>
  Object.fromEntries(plane.metrics().listeners[0]!.rejected.map(({ reason, count }) => [reason, count]));
const exhausted = (plane: RunningPlane): Record<string, number> =>
  Object.fromEntries(plane.metrics().exhausted.map(({ outcome, count }) => [outcome, count]));
const depth = (plane: RunningPlane): number => plane.metrics().queueDepth[0]!.depth;
const used = (plane: RunningPlane): number => plane.metrics().ports.reduce((sum, port) => sum + port.used, 0);

/** An address that refuses: it was bound a moment ago, and nobody listens any more. */
async function deadPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

t.test('bytes pass both ways, and an end on one side leaves the other open', async (t) => {
  const server = await startRawServer(() => {});
  t.teardown(() => server.close());
  const plane = relay(t, { servers: [server] });
  const client = new RawClient(plane.port, { allowHalfOpen: true }).send('question');
  await poll(() => server.received() === 'question');
  const [upstream] = server.sockets as [net.Socket];
  t.equal(upstream.remoteAddress, '127.0.1.1', 'from a leased address');
  upstream.removeAllListeners('end');
  const ended = once(upstream, 'end');
  client.socket.end('!');
  await ended;
  t.equal(server.received(), 'question!');
  upstream.write('answer after the end');
  await client.until((text) => text === 'answer after the end');
  t.equal(used(plane), 1, 'the connection is half open');
  upstream.end();
  await client.closed();
  await plane.allPortsBack();
  t.same(outcomes(plane), { closed: 1 });
  t.match(plane.metrics().streams, [{ listener: 'web', backend: 'app', bytesIn: 9, bytesOut: 20 }]);
});

t.test('a server that speaks first and ends first', async (t) => {
  const server = net.createServer((socket) => socket.end('220 ready\r\n')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const plane = relay(t, { servers: [{ port: (server.address() as net.AddressInfo).port }] });
  t.equal(await new RawClient(plane.port).closed(), '220 ready\r\n');
  await plane.allPortsBack();
  t.same(outcomes(plane), { closed: 1 });
});

t.test('a reset on one side is one on the other', async (t) => {
  const server = await echoServer(t);
  const plane = relay(t, { servers: [server] });
  const client = new RawClient(plane.port).send('a');
  await client.until((text) => text === 'a');
  server.sockets[0]!.resetAndDestroy();
  await client.closed();
  t.equal(client.error, 'ECONNRESET');
  const other = new RawClient(plane.port).send('b');
  await other.until((text) => text === 'b');
  other.socket.resetAndDestroy();
  await poll(() => server.sockets[1]!.destroyed);
  await plane.allPortsBack();
  t.same(outcomes(plane), { reset: 2 });
});

t.test('64 MiB each way arrive unchanged, through a reader that stops now and then', async (t) => {
  const server = await echoServer(t);
  server.sockets.length = 0;
  const plane = relay(t, { servers: [server] });
  const socket = net.connect({ port: plane.port, host: '127.0.0.1' });
  const part = randomBytes(1 << 20);
  const parts = 64;
  let received = 0;
  let isEqual = true;
  let rests = 0;
  socket.on('data', (data) => {
    for (let at = 0; at < data.length; ) {
      const from = received % part.length;
      const length = Math.min(part.length - from, data.length - at);
      isEqual &&= part.compare(data, at, at + length, from, from + length) === 0;
      at += length;
      received += length;
    }
    if (received < (rests + 1) * 8 * part.length) return;
    rests++;
    socket.pause();
    setTimeout(() => socket.resume(), 20);
  });
  for (let i = 0; i < parts; i++) if (!socket.write(part)) await once(socket, 'drain');
  const ended = once(socket, 'end');
  socket.end();
  await ended;
  t.equal(received, parts * part.length);
  t.ok(isEqual);
  t.match(plane.metrics().streams, [{ bytesIn: parts * part.length, bytesOut: parts * part.length }]);
});

t.test('what is in flight arrives when both sides have ended and the client is slow', async (t) => {
  const bytes = 16 << 20;
  const server = net.createServer((socket) => socket.end(Buffer.alloc(bytes, 'x'))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const plane = relay(t, { servers: [{ port: (server.address() as net.AddressInfo).port }] });
  const socket = net.connect({ port: plane.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end();
  socket.pause();
  await poll(() => plane.metrics().streams[0]!.bytesOut > 0);
  let received = 0;
  socket.on('data', (data) => {
    received += data.length;
  });
  socket.resume();
  await once(socket, 'end');
  t.equal(received, bytes);
  await plane.allPortsBack();
});

t.test('servers that refuse or do not answer are passed over before the first byte', async (t) => {
  const server = await echoServer(t);
  const full = await startFullBacklogServer();
  t.teardown(() => full.close());
  const plane = relay(t, {
    servers: [{ port: await deadPort() }, { port: full.port }, server],
    backend: { balance: 'round-robin', timeouts: { connectMs: 60, responseMs: 1, idleMs: 1 } },
  });
  const clients = Array.from({ length: 6 }, (_, i) => new RawClient(plane.port).send(`hello ${i}`));
  for (const [i, client] of clients.entries()) await client.until((text) => text === `hello ${i}`);
  const failures = plane.metrics().servers.reduce((sum, each) => sum + each.connectFailuresTotal, 0);
  t.equal(
    plane.metrics().retries.find(({ reason }) => reason === 'connect')?.count,
    failures,
    'each failure was followed by another try',
  );
  for (const client of clients) client.close();
});

t.test('without any server that can be had the client gets a reset', async (t) => {
  const plane = relay(t, { servers: [{ port: await deadPort() }], backend: { retries: 2 } });
  const client = new RawClient(plane.port);
  await client.closed();
  t.equal(client.error, 'ECONNRESET');
  plane.setServers([]);
  const other = new RawClient(plane.port);
  await other.closed();
  t.equal(other.error, 'ECONNRESET');
  t.same(outcomes(plane), { 'connect-failed': 1, 'no-server': 1 });
});

t.test('least-connections counts what is open', async (t) => {
  const servers = [await echoServer(t), await echoServer(t)];
  const plane = relay(t, { servers });
  const clients: RawClient[] = [];
  const open = async (): Promise<void> => {
    const client = new RawClient(plane.port).send('x');
    clients.push(client);
    await client.until((text) => text === 'x');
  };
  for (let i = 0; i < 10; i++) await open();
  t.same(
    plane.metrics().servers.map(({ active }) => active),
    [5, 5],
  );
  for (const socket of servers[0]!.sockets) socket.destroy();
  await poll(() => plane.metrics().servers[0]!.active === 0);
  for (let i = 0; i < 5; i++) await open();
  t.same(
    plane.metrics().servers.map(({ active }) => active),
    [5, 5],
  );
  for (const client of clients) client.close();
});

t.test('an idle connection is ended, one on which something passes is not', async (t) => {
  const server = await echoServer(t);
  const plane = relay(t, { servers: [server], listener: { tcp: { ...TCP, idleMs: 200 } } });
  const idle = new RawClient(plane.port).send('x');
  const busy = new RawClient(plane.port);
  let sent = 0;
  while (!idle.isClosed) {
    busy.send('x');
    sent++;
    await busy.until((text) => text.length === sent);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.equal(idle.error, 'ECONNRESET');
  t.same(outcomes(plane), { idle: 1 });
  busy.close();
});

t.test('more clients than the limit are refused, and counted', async (t) => {
  const server = await echoServer(t);
  const plane = relay(t, { servers: [server], listener: { tcp: { ...TCP, connections: 2 } } });
  const two = [new RawClient(plane.port).send('a'), new RawClient(plane.port).send('b')];
  for (const client of two) await client.until((text) => text.length === 1);
  const third = new RawClient(plane.port);
  await third.closed();
  t.equal(third.error, 'ECONNRESET');
  t.same(rejected(plane), { limit: 1 });
  two[0]!.close();
  await poll(() => plane.metrics().listeners[0]!.connections === 1);
  await new RawClient(plane.port).send('c').until((text) => text === 'c');
});

t.test(
  'with all ports in use clients wait, first in first out; the queue is bounded and has a time limit',
  async (t) => {
    const server = await echoServer(t);
    const plane = relay(t, {
      servers: [server],
      ports: [25_000, 25_001],
      exhaustion: { queue: 2, timeoutMs: 60_000 },
    });
    const held = ['a', 'b'].map((text) => new RawClient(plane.port).send(text));
    for (const client of held) await client.until((text) => text.length === 1);
    const waiting: RawClient[] = [];
    for (const text of ['c', 'd']) {
      waiting.push(new RawClient(plane.port).send(text));
      await poll(() => depth(plane) === waiting.length);
    }
    const over = new RawClient(plane.port);
    await over.closed();
    t.equal(over.error, 'ECONNRESET');
    t.match(exhausted(plane), { queued: 2, refused: 1, 'queue-timeout': 0 });
    held[0]!.close();
    await waiting[0]!.until((text) => text === 'c');
    t.equal(depth(plane), 1);
    // One that leaves takes no place.
    waiting[1]!.socket.resetAndDestroy();
    await poll(() => depth(plane) === 0);
    t.match(plane.metrics().servers, [{ connectFailuresTotal: 0 }]);
  },
);

t.test('who waits too long for a port is reset', async (t) => {
  const server = await echoServer(t);
  const plane = relay(t, { servers: [server], ports: [25_100, 25_100], exhaustion: { queue: 2, timeoutMs: 60 } });
  await new RawClient(plane.port).send('a').until((text) => text === 'a');
  const late = new RawClient(plane.port).send('b');
  await late.closed();
  t.equal(late.error, 'ECONNRESET');
  t.match(exhausted(plane), { queued: 1, 'queue-timeout': 1 });
  t.same(outcomes(plane), { exhausted: 1 });
});

t.test('another server is tried before anyone waits', async (t) => {
  const servers = [await echoServer(t), await echoServer(t)];
  const plane = relay(t, { servers, ports: [25_200, 25_201], backend: { balance: 'hash' } });
  const clients = Array.from({ length: 5 }, (_, i) => new RawClient(plane.port).send(`${i}`));
  await poll(() => depth(plane) === 1);
  await poll(() => clients.filter(({ received }) => received !== '').length === 4);
  t.match(exhausted(plane), { 'other-server': 3, queued: 1 });
  for (const client of clients) client.close();
});

t.test('3 sources × 1,000 ports carry 3,000 connections to one server; the next waits for one that ends', async (t) => {
  const server = await echoServer(t);
  const plane = relay(t, {
    servers: [server],
    ports: [26_000, 26_999],
    moreSources: ['127.0.1.2', '127.0.1.3'],
    backend: { connectionsPerServer: 65_535 },
    exhaustion: { queue: 10, timeoutMs: 60_000 },
  });
  const clients: RawClient[] = [];
  for (let i = 0; i < 3000; i++) {
    const client = new RawClient(plane.port).send('x');
    clients.push(client);
    if (i % 100 === 99) await client.until((text) => text === 'x');
  }
  for (const client of clients) await client.until((text) => text === 'x');
  t.equal(used(plane), 3000);
  const late = new RawClient(plane.port).send('late');
  await poll(() => depth(plane) === 1);
  clients[1234]!.close();
  await late.until((text) => text === 'late');
  t.match(exhausted(plane), { queued: 1, refused: 0, 'queue-timeout': 0 });
  for (const client of [...clients, late]) client.close();
});

t.test('a drain lets open connections end and takes no new ones', async (t) => {
  const server = await echoServer(t);
  const plane = relay(t, { servers: [server] });
  const client = new RawClient(plane.port).send('a');
  await client.until((text) => text === 'a');
  let isDrained = false;
  const drained = plane.drain(60_000).then(() => {
    isDrained = true;
  });
  const refused = new RawClient(plane.port);
  await refused.closed();
  t.equal(refused.error, 'ECONNREFUSED');
  client.send('b');
  await client.until((text) => text === 'ab');
  t.notOk(isDrained);
  client.socket.end();
  await drained;
  t.same(outcomes(plane), { closed: 1 });
});

t.test('a drain that takes too long ends what is left', async (t) => {
  const server = await echoServer(t);
  const plane = relay(t, { servers: [server] });
  const client = new RawClient(plane.port).send('a');
  await client.until((text) => text === 'a');
  await plane.drain(20);
  await client.closed();
  t.equal(client.error, 'ECONNRESET');
  t.same(outcomes(plane), { stopped: 1 });
});

t.test('a server that leaves the config keeps its connections', async (t) => {
  const servers = [await echoServer(t), await echoServer(t)];
  const plane = relay(t, { servers: [servers[0]!] });
  const client = new RawClient(plane.port).send('a');
  await client.until((text) => text === 'a');
  plane.setServers([servers[1]!]);
  client.send('b');
  await client.until((text) => text === 'ab');
  await new RawClient(plane.port).send('c').until((text) => text === 'c');
  t.equal(servers[1]!.received(), 'c');
  client.close();
  await poll(() => plane.metrics().servers.length === 1);
});
