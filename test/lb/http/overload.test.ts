import type net from 'node:net';
import t, { type Test } from 'tap';
import { FakeClock } from '../../fixtures/fake-clock.ts';
import { RawClient } from '../../fixtures/raw-client.ts';
import { startRawServer } from '../../fixtures/raw-server.ts';
import { type PlaneOptions, type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A server that answers when the test says so. */
async function run(t: Test, backend: PlaneOptions['backend']) {
  const clock = new FakeClock(1000);
  const held: net.Socket[] = [];
  const server = await startRawServer((socket, data) => {
    if (data.includes('websocket')) {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    } else {
      held.push(socket);
    }
  });
  const plane = startPlane({ servers: [{ port: server.port }], backend: { ...backend }, clock });
  t.teardown(async () => {
    plane.stop();
    await plane.allPortsBack();
    await server.close();
  });
  return { plane, clock, held };
}

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setImmediate(resolve));
}

const queue = (plane: RunningPlane) => plane.metrics().queues![0]!;
const waiting = (plane: RunningPlane): number =>
  queue(plane).depth + plane.metrics().queueDepth.reduce((sum, { depth }) => sum + depth, 0);

for (const [name, limits] of [
  ['for a place among the requests', { requestsPerServer: 1 }],
  ['for a connection', { connectionsPerServer: 1 }],
] as const) {
  t.test(`who waits too long ${name}, in a queue that stands, gets 503 with Retry-After`, async (t) => {
    const { plane, clock, held } = await run(t, {
      ...limits,
      queue: { most: 100, timeoutMs: 5000, shed: { targetMs: 100, intervalMs: 1000 } },
    });
    const first = new RawClient(plane.port).send(GET);
    await until(() => held.length === 1);
    const old = Array.from({ length: 5 }, () => new RawClient(plane.port).send(GET));
    await until(() => waiting(plane) === 5);
    clock.advance(960);
    t.equal(queue(plane).shed, 0, 'a burst is borne');
    const fresh = new RawClient(plane.port).send(GET);
    await until(() => waiting(plane) === 6);
    clock.advance(60);
    for (const client of old) {
      t.match(
        await client.until((received) => received.endsWith('(portico)\n')),
        /^HTTP\/1\.1 503 .*\r\n(.*\r\n)*Retry-After: 1\r\n/,
      );
      client.close();
    }
    t.match(queue(plane), { shed: 5, timeouts: 0 });
    held[0]!.write(OK);
    await first.until((received) => received.endsWith('ok'));
    await until(() => held.length === 2);
    held[1]!.write(OK);
    await fresh.until((received) => received.endsWith('ok'));
    first.close();
    fresh.close();
  });
}

t.test('requests_per_server: auto begins with few, and WebSockets take no place', async (t) => {
  const { plane, held } = await run(t, { adaptsRequests: true });
  const webSockets = Array.from({ length: 8 }, () => new RawClient(plane.port));
  for (const client of webSockets) {
    client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await client.until((received) => received.includes('101'));
  }
  const clients = Array.from({ length: 40 }, () => new RawClient(plane.port).send(GET));
  let most = 0;
  for (let answered = 0; answered < clients.length; answered++) {
    await until(() => held.length > 0 && (held.length >= 3 || held.length + answered === clients.length));
    most = Math.max(most, held.length);
    held.shift()!.write(OK);
  }
  for (const client of clients) await client.until((received) => received.endsWith('ok'));
  t.ok(most >= 3 && most <= 30, `${most} at once`);
  for (const client of [...clients, ...webSockets]) client.close();
});
