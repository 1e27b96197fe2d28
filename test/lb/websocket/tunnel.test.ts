import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { RawClient } from '../../fixtures/raw-client.ts';
import { type PlaneOptions, type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';

async function setUp(
  t: Test,
  options: Partial<PlaneOptions> = {},
): Promise<{ plane: RunningPlane; url: string; wss: WebSocketServer }> {
  const wss = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    maxPayload: 64 << 20,
    perMessageDeflate: true,
    handleProtocols: (offered) => ([...offered].includes('chat.v2') ? 'chat.v2' : false),
  });
  await once(wss, 'listening');
  const plane = startPlane({
    servers: [{ port: (wss.address() as AddressInfo).port }],
    backend: { pipelining: 16 },
    ...options,
  });
  t.teardown(async () => {
    for (const client of wss.clients) client.terminate();
    wss.close();
    plane.stop();
    await plane.allPortsBack();
  });
  wss.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  return { plane, url: `ws://127.0.0.1:${plane.port}/chat`, wss };
}

async function open(url: string, protocols: string[] = [], options = {}): Promise<WebSocket> {
  const socket = new WebSocket(url, protocols, options);
  await once(socket, 'open');
  return socket;
}

t.test('messages of every size come back, compressed or not', async (t) => {
  const { url, plane } = await setUp(t);
  for (const perMessageDeflate of [false, true]) {
    const socket = await open(url, [], { perMessageDeflate });
    // Random bytes grow when they are compressed, and the limit of 16 MiB is for what passes.
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1 << 20, (16 << 20) - (perMessageDeflate ? 65_536 : 0)]) {
      const message = randomBytes(size);
      socket.send(message);
      const [echo] = (await once(socket, 'message')) as [Buffer];
      t.ok(echo.equals(message), `${size} bytes`);
    }
    socket.close();
    await once(socket, 'close');
  }
  await plane.allPortsBack();
  t.equal(plane.metrics().listeners[0]?.webSockets, 0);
  t.same(plane.metrics().requests[0]?.codes, [{ code: 101, count: 2 }]);
});

t.test('subprotocols, pings and close codes pass between the ends', async (t) => {
  const { url, wss } = await setUp(t);
  const socket = await open(url, ['chat.v1', 'chat.v2']);
  t.equal(socket.protocol, 'chat.v2');
  const [server] = [...wss.clients] as [WebSocket];
  socket.ping('from client');
  t.equal(String((await once(socket, 'pong'))[0]), 'from client');
  server.ping('from server');
  t.equal(String((await once(server, 'pong'))[0]), 'from server');
  socket.close(4001, 'client reason');
  const [code, reason] = await once(server, 'close');
  t.equal(code, 4001);
  t.equal(String(reason), 'client reason');

  const second = await open(url);
  [...wss.clients].at(-1)!.close(4002, 'server reason');
  const [serverCode, serverReason] = await once(second, 'close');
  t.equal(serverCode, 4002);
  t.equal(String(serverReason), 'server reason');
});

t.test('a message over the limit closes with 1009 on both sides', async (t) => {
  const { url, wss, plane } = await setUp(t, {
    listener: { limits: { headerBytes: 16_384, bodyBytes: 1, webSocketMessageBytes: 1000 } },
  });
  const socket = await open(url, [], { perMessageDeflate: false });
  const [server] = [...wss.clients] as [WebSocket];
  socket.send(Buffer.alloc(1000));
  t.equal(((await once(socket, 'message')) as [Buffer])[0].length, 1000, 'the limit itself is allowed');
  const closes = Promise.all([once(socket, 'close'), once(server, 'close')]);
  // In fragments: none of them is over the limit, together they are.
  socket.send(Buffer.alloc(600), { fin: false });
  socket.send(Buffer.alloc(600), { fin: true });
  const [[clientCode]] = await closes;
  t.equal(clientCode, 1009);
  await plane.allPortsBack();
});

t.test('a client that does not read holds the server back', async (t) => {
  const { url, wss } = await setUp(t);
  const socket = await open(url, [], { perMessageDeflate: false });
  const [server] = [...wss.clients] as [WebSocket];
  socket.pause();
  const part = Buffer.alloc(1 << 20, 'x');
  const total = 48;
  for (let i = 0; i < total; i++) server.send(part);
  const before = process.memoryUsage().arrayBuffers;
  // Nothing is read, so in the end nothing moves: the server's own buffer keeps what the sockets do not take.
  let waiting = -1;
  while (server.bufferedAmount !== waiting) {
    waiting = server.bufferedAmount;
    for (let i = 0; i < 2000; i++) await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(waiting > 8 << 20, `${waiting} bytes wait at the server`);
  t.ok(process.memoryUsage().arrayBuffers - before < 8 << 20, 'and not in the plane');
  let received = 0;
  socket.on('message', () => received++);
  socket.resume();
  while (received < total) await new Promise((resolve) => setImmediate(resolve));
  t.equal(received, total);
  socket.close();
  await once(socket, 'close');
});

t.test('a server that refuses the upgrade has its answer passed on', async (t) => {
  const server = http.createServer();
  server.on('upgrade', (_request, socket) => {
    socket.end('HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nnope');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const plane = startPlane({ servers: [{ port: (server.address() as AddressInfo).port }] });
  t.teardown(async () => {
    server.close();
    plane.stop();
    await plane.allPortsBack();
  });
  const client = new RawClient(plane.port).send(
    'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  await client.until((received) => received.endsWith('nope'));
  t.match(client.received, /^HTTP\/1\.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n/);
  client.close();
});

t.test('either end may vanish', async (t) => {
  const { url, wss, plane } = await setUp(t);
  const first = await open(url);
  first.terminate();
  const [server] = [...wss.clients] as [WebSocket];
  if (server !== undefined) await once(server, 'close');
  const second = await open(url);
  for (const client of wss.clients) client.terminate();
  await once(second, 'close');
  await plane.allPortsBack();
  t.equal(plane.metrics().listeners[0]?.connections, 0);
});

t.test('a drain closes with 1001', async (t) => {
  const { url, plane, wss } = await setUp(t);
  const socket = await open(url);
  const [server] = [...wss.clients] as [WebSocket];
  const closes = Promise.all([once(socket, 'close'), once(server, 'close')]);
  const drained = plane.drain(5000);
  const [[clientCode], [serverCode]] = await closes;
  t.equal(clientCode, 1001);
  t.equal(serverCode, 1001);
  await drained;
});
