import type net from 'node:net';
import t, { type Test } from 'tap';
import { FakeClock } from '../../fixtures/fake-clock.ts';
import { RawClient } from '../../fixtures/raw-client.ts';
import { type RawServer, startRawServer } from '../../fixtures/raw-server.ts';
import { type PlaneOptions, type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const TICK_MS = 20;
/** More than the kernel's buffers of a loopback connection take. */
const LARGE_BYTES = 128 << 20;
/** So much is taken only if more of it can come. */
const STEP_BYTES = 20 << 20;

interface Setup {
  readonly plane: RunningPlane;
  readonly server: RawServer;
  readonly clock: FakeClock;
}

/** A plane whose time the test moves, before a server that answers each `GET /large` with so many bytes. */
async function run(t: Test, options: Partial<PlaneOptions> = {}): Promise<Setup> {
  const clock = new FakeClock(1_000_000);
  const part = Buffer.alloc(1 << 20, 'x');
  const server = await startRawServer((socket, data) => {
    const text = data.toString('latin1');
    if (text.includes('GET /large')) sendLarge(socket, part);
    else if (text.endsWith('\r\n\r\n') || text.endsWith('end')) socket.write(OK);
  });
  const plane = startPlane({ servers: [{ port: server.port }], ...options, clock });
  t.teardown(async () => {
    plane.stop();
    await plane.allPortsBack();
    await server.close();
  });
  return { plane, server, clock };
}

function sendLarge(socket: net.Socket, part: Buffer): void {
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`);
  for (let sent = 0; sent < LARGE_BYTES; sent += part.length) socket.write(part);
}

const rejected = (plane: RunningPlane): Record<string, number> =>
  Object.fromEntries(plane.metrics().listeners[0]!.rejected.map(({ reason, count }) => [reason, count]));

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setImmediate(resolve));
}

/** Asks for the large answer, and reads no more of it once it has begun. Resolves when the server can send no more either. */
async function stall({ server }: Setup, client: RawClient, before = server.sockets.length): Promise<void> {
  client.send('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.until((received) => received.length > 0);
  client.socket.pause();
  await until(() => server.sockets.length > before);
  await backedUp(server.sockets.at(-1)!);
}

/** Waits until what a socket has taken is still the same after the event loop went round many times. */
async function backedUp(socket: net.Socket): Promise<void> {
  for (let same = 0, last = -1; same < 2000; same++) {
    if (socket.bytesWritten - socket.writableLength !== last) same = 0;
    last = socket.bytesWritten - socket.writableLength;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

t.test('a client that reads nothing of its answer is reset after timeouts.send, and others are served', async (t) => {
  const setup = await run(t, { listener: { timeouts: { sendMs: 30_000 } } });
  const { plane, clock } = setup;
  const slow = new RawClient(plane.port);
  await stall(setup, slow);
  clock.advance(30_000 - TICK_MS);
  const other = new RawClient(plane.port).send(GET);
  await other.until((received) => received.endsWith('ok'));
  other.close();
  t.same(rejected(plane), {}, 'not before its time');
  await until(() => {
    clock.advance(TICK_MS);
    return rejected(plane)['client-timeout'] === 1;
  });
  slow.socket.resume();
  await slow.closed();
  t.ok(slow.received.length < LARGE_BYTES, 'its answer has no end');
});

t.test('a client that takes a little now and then is reset by its rate', async (t) => {
  const setup = await run(t, { listener: { limits: { answerRate: 2 << 20 } } });
  const { plane, clock, server } = setup;
  const slow = new RawClient(plane.port);
  await stall(setup, slow);
  // Every 20 s it takes 20 MiB, which is less than 2 MiB a second.
  while (rejected(plane)['slow-reader'] !== 1) {
    clock.advance(20_000);
    const { length } = slow.received;
    slow.socket.resume();
    await slow.until((received) => received.length > length + STEP_BYTES).catch(() => {});
    slow.socket.pause();
    await backedUp(server.sockets.at(-1)!);
  }
  slow.socket.resume();
  await slow.closed();
  t.ok(slow.received.length < LARGE_BYTES, 'its answer has no end');
});

t.test('a client that is fast enough gets its answer, however long it takes', async (t) => {
  const backend = { timeouts: { connectMs: 1000, responseMs: 3_600_000, idleMs: 1000 } };
  const setup = await run(t, { listener: { limits: { answerRate: 1 << 10 }, timeouts: { sendMs: 30_000 } }, backend });
  const { plane, clock, server } = setup;
  const client = new RawClient(plane.port);
  await stall(setup, client);
  while (client.received.length < LARGE_BYTES) {
    clock.advance(20_000);
    const { length } = client.received;
    client.socket.resume();
    await client.until((received) => received.length > Math.min(LARGE_BYTES, length + STEP_BYTES));
    client.socket.pause();
    if (client.received.length < LARGE_BYTES) await backedUp(server.sockets.at(-1)!);
  }
  t.same(rejected(plane), {});
  client.close();
});

t.test('those who do not read give way to those who wait for a connection, the longest first', async (t) => {
  const setup = await run(t, { backend: { connectionsPerServer: 2 } });
  const { plane, clock } = setup;
  const slow = [new RawClient(plane.port), new RawClient(plane.port)];
  await stall(setup, slow[0]!);
  clock.advance(1000);
  await stall(setup, slow[1]!);
  const third = new RawClient(plane.port).send(GET);
  await until(() => plane.metrics().queueDepth.some(({ depth }) => depth > 0));
  clock.advance(1900);
  t.same(rejected(plane), {}, 'a moment is nothing');
  clock.advance(200);
  await third.until((received) => received.endsWith('ok'));
  third.close();
  t.same(rejected(plane), { 'slow-reader-relief': 1 });
  slow[0]!.socket.resume();
  await slow[0]!.closed();
  t.ok(slow[0]!.received.length < LARGE_BYTES, 'its answer has no end');
  t.notOk(slow[1]!.isClosed);
  slow[1]!.close();
});

t.test('up to stalled_per_server, those who do not read take no connection from others', async (t) => {
  const setup = await run(t, { backend: { connectionsPerServer: 1, stalledPerServer: 2 } });
  const { plane, clock } = setup;
  const slow = [new RawClient(plane.port), new RawClient(plane.port)];
  for (const client of slow) {
    await stall(setup, client);
    clock.advance(TICK_MS);
  }
  const others = Array.from({ length: 5 }, () => new RawClient(plane.port).send(GET));
  for (const client of others) {
    await client.until((received) => received.endsWith('ok'));
    client.close();
  }
  t.same(rejected(plane), {});
  for (const client of slow) client.close();
});

t.test('a client that asks on without reading has one answer kept, not all', async (t) => {
  const body = 'x'.repeat(1 << 20);
  const server = await startRawServer((socket) =>
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
  );
  const plane = startPlane({ servers: [{ port: server.port }] });
  const client = new RawClient(plane.port);
  client.socket.pause();
  client.send(GET.repeat(200));
  const asked = (): number => server.received().match(/GET/g)?.length ?? 0;
  await until(() => asked() > 0);
  for (let before = 0; before !== asked(); ) {
    before = asked();
    for (let i = 0; i < 3000; i++) await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(asked() < 50, `${asked()} of 200`);
  client.socket.resume();
  await client.until((received) => received.length >= 200 * body.length);
  client.close();
  plane.stop();
  await plane.allPortsBack();
  await server.close();
});

const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n';

t.test('a body that does not come gets 408 after timeouts.body', async (t) => {
  const { plane, clock, server } = await run(t, { listener: { timeouts: { bodyMs: 20_000 } } });
  const client = new RawClient(plane.port).send(`${POST}x`);
  // A second one, whose parts come in time.
  const steady = new RawClient(plane.port).send(POST);
  for (let i = 0; i < 3; i++) {
    await passed(plane);
    clock.advance(15_000);
    steady.send('x'.repeat(100));
    await passed(plane);
  }
  t.match(await client.closed(), /^HTTP\/1.1 408 .*\r\n/);
  t.same(rejected(plane), { 'body-timeout': 1 });
  t.notMatch(server.received(), 'POST', 'no server was asked');
  steady.send(`${'x'.repeat(697)}end`);
  await steady.until((received) => received.endsWith('ok'));
  steady.close();
});

/** Everything that clients have sent has been read: a request sent now has been answered. */
async function passed({ port }: RunningPlane): Promise<void> {
  const client = new RawClient(port).send(GET);
  await client.until((received) => received.endsWith('ok'));
  client.close();
}

for (const [name, head, part] of [
  ['with a length', POST, 'x'],
  ['in chunks', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\nx\r\n'],
] as const) {
  t.test(`a body ${name} that drips gets 408 by its rate`, async (t) => {
    const { plane, clock } = await run(t, { listener: { limits: { bodyRate: 240 } } });
    const client = new RawClient(plane.port).send(head + part);
    for (let i = 0; i < 20 && !client.isClosed; i++) {
      await passed(plane);
      clock.advance(1000);
      if (!client.isClosed) client.send(part);
    }
    t.match(await client.closed(), /^HTTP\/1.1 408 .*\r\n/);
    t.match(rejected(plane), { 'body-rate': 1 });
  });
}
