import net from 'node:net';
import t from 'tap';
import type { PlaneEvent } from '../../../lb/control/messages.ts';
import { loadTcpBinding } from '../../../lb/net/tcp-binding.ts';
import { RawClient } from '../../fixtures/raw-client.ts';
import { type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** 10 descriptors are no connections; so many may be open. */
function planeWith(limit: () => number, port: number): RunningPlane {
  return startPlane({
    servers: [{ port }],
    listener: { engine: 'tcp' },
    backend: { connectionsPerServer: 1_000 },
    limits: { descriptors: limit, openDescriptors: () => 10 },
  });
}

async function echoServer(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = net.createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  return { port, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setImmediate(resolve));
}

const told = (events: readonly PlaneEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'pressure' ? [event.pressure.reason] : []));

t.test('a plane short of descriptors accepts nothing, and who waits is served when there are some', async (t) => {
  const server = await echoServer();
  // 90 for connections, two for each client, 16 of them in reserve: 74.
  const plane = planeWith(() => 100, server.port);
  t.teardown(() => plane.stop());
  await until(() => plane.metrics().pressure?.descriptorLimit === 100);
  const clients = Array.from({ length: 60 }, () => new RawClient(plane.port).send('x'));
  t.teardown(() => clients.map((client) => client.close()));
  await until(() => plane.metrics().pressure!.isHeld);
  const served = (): number => clients.filter(({ received }) => received.includes('x')).length;
  await until(() => served() >= 37);
  const [{ connections } = { connections: 0 }] = plane.metrics().listeners;
  t.ok(connections <= 45, `${connections} clients were accepted, the reserve is for their servers`);
  t.ok(plane.metrics().pressure!.descriptors <= 100);
  t.same(told(plane.events), ['descriptors'], 'told once');
  t.equal(plane.metrics().servers[0]!.connectFailuresTotal, 0);
  t.ok(plane.metrics().exhausted.every(({ count }) => count === 0));
  // One after the other ends, and another one is let in.
  for (const client of clients) {
    await until(() => client.received.includes('x'));
    client.close();
  }
  await until(() => !plane.metrics().pressure!.isHeld);
  t.same(clients.filter(({ error }) => error !== '').length, 0, 'nobody was turned away');
  await until(() => told(plane.events).length === 2);
  t.same(told(plane.events), ['descriptors', 'none']);
  await plane.drain(1000);
  await server.close();
});

t.test('a limit that is raised is noticed; listening is over when a drain comes meanwhile', async (t) => {
  const server = await echoServer();
  let limit = 60;
  const plane = planeWith(() => limit, server.port);
  t.teardown(() => plane.stop());
  await until(() => plane.metrics().pressure?.descriptorLimit === 60);
  const clients = Array.from({ length: 60 }, () => new RawClient(plane.port).send('x'));
  t.teardown(() => clients.map((client) => client.close()));
  await until(() => plane.metrics().pressure!.isHeld);
  limit = 1000;
  await until(() => clients.every(({ received }) => received.includes('x')));
  t.notOk(plane.metrics().pressure!.isHeld);
  limit = 60;
  await until(() => plane.metrics().pressure!.isHeld);
  const late = new RawClient(plane.port).send('x');
  const drained = plane.drain(60_000);
  for (const client of clients) client.close();
  await drained;
  // Its connection was never accepted, and the last descriptor of the socket is closed.
  await late.closed();
  t.equal(late.received, '');
  await server.close();
});

t.test('no descriptor for a connection to a server is no fault of the server', async (t) => {
  const server = await echoServer();
  const plane = startPlane({ servers: [{ port: server.port }], exhaustion: { queue: 0, timeoutMs: 100 } });
  t.teardown(() => plane.stop());
  const { Tcp } = loadTcpBinding();
  const { bind } = Tcp.prototype;
  t.teardown(() => {
    Tcp.prototype.bind = bind;
  });
  const client = new RawClient(plane.port);
  await new Promise((resolve) => client.socket.once('connect', resolve));
  const EMFILE = -24;
  Tcp.prototype.bind = () => EMFILE;
  const answer = await client.send(REQUEST).until((text) => text.includes('\r\n\r\n'));
  Tcp.prototype.bind = bind;
  t.match(answer, /^HTTP\/1\.1 503 /);
  t.equal(plane.metrics().servers[0]!.connectFailuresTotal, 0);
  client.close();
  await plane.drain(1000);
  await server.close();
});
