import { once } from 'node:events';
import net from 'node:net';
import t, { type Test } from 'tap';
import { RawClient } from '../../fixtures/raw-client.ts';
import { type RawServer, startRawServer } from '../../fixtures/raw-server.ts';
import { type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const request = (path: string): string => `GET /${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;

interface Held {
  readonly server: RawServer;
  /** Requests that wait for their answer, in the order in which they came. */
  readonly open: { readonly path: string; readonly socket: net.Socket }[];
  until(count: number): Promise<void>;
}

/** A server that answers when it is told to. */
async function startHoldingServer(): Promise<Held> {
  const open: { path: string; socket: net.Socket }[] = [];
  let wake = (): void => {};
  const server = await startRawServer((socket, data) => {
    for (const [, path] of data.toString('latin1').matchAll(/^GET \/(\S*)/gm)) open.push({ path: path!, socket });
    wake();
  });
  const until = async (count: number): Promise<void> => {
    while (open.length < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { server, open, until };
}

const exhausted = (plane: RunningPlane): Record<string, number> =>
  Object.fromEntries(plane.metrics().exhausted.map(({ outcome, count }) => [outcome, count]));
const depth = (plane: RunningPlane): number => plane.metrics().queueDepth[0]!.depth;
/** Resolves when it holds; the state is that of other sockets, whose events come in no fixed order. */
async function poll(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 2));
}

function use(t: Test, held: Held, plane: RunningPlane): void {
  t.teardown(async () => {
    plane.stop();
    await held.server.close();
  });
}

t.test('with all ports in use requests wait, and are served first in first out', async (t) => {
  const held = await startHoldingServer();
  const plane = startPlane({ servers: [held.server], ports: [23_000, 23_009] });
  use(t, held, plane);
  const clients = Array.from({ length: 10 }, (_, i) => new RawClient(plane.port).send(request(`${i}`)));
  await held.until(10);
  const waiting: RawClient[] = [];
  for (let i = 10; i < 15; i++) {
    waiting.push(new RawClient(plane.port).send(request(`${i}`)));
    await poll(() => depth(plane) === i - 9);
  }
  t.match(exhausted(plane), { queued: 5, refused: 0, 'queue-timeout': 0 });
  // The connection of an answered request serves the one that has waited for longest, without a new port.
  for (const path of ['10', '11']) {
    held.open.shift()!.socket.write(OK);
    await held.until(10);
    t.equal(held.open.at(-1)!.path, path);
  }
  // So does the port of a connection that has ended.
  held.open.shift()!.socket.end('HTTP/1.0 200 OK\r\n\r\nbye');
  await held.until(10);
  t.equal(held.open.at(-1)!.path, '12');
  // One that is gone is passed over.
  waiting[3]!.close();
  await poll(() => depth(plane) === 1);
  held.open.shift()!.socket.write(OK);
  await held.until(10);
  t.equal(held.open.at(-1)!.path, '14');
  for (const { socket } of held.open.splice(0)) socket.write(OK);
  for (const client of [...clients, ...waiting.filter((_, i) => i !== 3)])
    t.match(await client.closed(), /^HTTP\/1.1 200/);
  t.match(plane.metrics().servers, [{ connectFailuresTotal: 0 }]);
  t.equal(depth(plane), 0);
  plane.stop();
  await plane.allPortsBack();
});

t.test('who waits too long gets 503 with Retry-After; the server is not to blame', async (t) => {
  const held = await startHoldingServer();
  const plane = startPlane({
    servers: [held.server],
    ports: [23_100, 23_100],
    exhaustion: { queue: 2, timeoutMs: 60 },
  });
  use(t, held, plane);
  const first = new RawClient(plane.port).send(request('first'));
  await held.until(1);
  const [a, b] = [new RawClient(plane.port).send(request('a')), new RawClient(plane.port).send(request('b'))];
  await poll(() => depth(plane) === 2);
  const over = await new RawClient(plane.port).send(request('c')).closed();
  t.match(over, /^HTTP\/1.1 503 [\s\S]*\r\nRetry-After: \d+\r\n[\s\S]*portico/, 'the queue is full');
  for (const client of [a, b]) t.match(await client.closed(), /^HTTP\/1.1 503 [\s\S]*\r\nRetry-After/);
  t.match(exhausted(plane), { queued: 2, 'queue-timeout': 2, refused: 1 });
  t.match(plane.metrics().servers, [{ connectFailuresTotal: 0, connectsTotal: 1 }]);
  t.equal(depth(plane), 0);
  held.open[0]!.socket.write(OK);
  t.match(await first.closed(), /^HTTP\/1.1 200/);
});

t.test('another server is tried before anyone waits', async (t) => {
  const [one, two] = [await startHoldingServer(), await startHoldingServer()];
  // By the client's address, all requests belong to one of the two.
  const plane = startPlane({
    servers: [one.server, two.server],
    ports: [23_200, 23_201],
    backend: { balance: 'hash', retries: 2 },
  });
  use(t, one, plane);
  t.teardown(() => two.server.close());
  const clients = Array.from({ length: 5 }, (_, i) => new RawClient(plane.port).send(request(`${i}`)));
  await Promise.all([one.until(2), two.until(2)]);
  await poll(() => depth(plane) === 1);
  // The fifth was passed on as well, in vain.
  t.match(exhausted(plane), { 'other-server': 3, queued: 1, refused: 0 });
  for (const { socket } of [...one.open, ...two.open]) socket.write(OK);
  await poll(() => one.open.length + two.open.length === 5);
  [...one.open, ...two.open].find(({ path }) => path === '4')!.socket.write(OK);
  for (const client of clients) t.match(await client.closed(), /^HTTP\/1.1 200/);
});

t.test('ports that are granted serve those who wait', async (t) => {
  const held = await startHoldingServer();
  const plane = startPlane({ servers: [held.server], ports: [23_300, 23_300] });
  use(t, held, plane);
  const clients = ['a', 'b', 'c'].map((path) => new RawClient(plane.port).send(request(path)));
  await poll(() => depth(plane) === 2);
  t.same(
    plane.events.filter(({ type }) => type === 'low').map((event) => (event as { isStarved: boolean }).isStarved),
    [true],
  );
  plane.tell({
    type: 'grant',
    blocks: [{ pool: 'default', address: '127.0.1.1', firstPort: 23_301, lastPort: 23_302 }],
  });
  await held.until(3);
  for (const { socket } of held.open) socket.write(OK);
  for (const client of clients) t.match(await client.closed(), /^HTTP\/1.1 200/);
});

t.test('ports that another program holds are passed over', async (t) => {
  const squatters: net.Server[] = [];
  for (let port = 23_400; port < 23_450; port++) {
    const squatter = net.createServer().listen(port, '127.0.1.1');
    await once(squatter, 'listening');
    squatters.push(squatter);
  }
  const held = await startHoldingServer();
  const plane = startPlane({ servers: [held.server], ports: [23_400, 23_459] });
  use(t, held, plane);
  t.teardown(() => {
    for (const squatter of squatters) squatter.close();
  });
  const clients = Array.from({ length: 10 }, (_, i) => new RawClient(plane.port).send(request(`${i}`)));
  await held.until(10);
  for (const [i, name] of ['first', 'second'].entries()) {
    clients.push(new RawClient(plane.port).send(request(name)));
    await poll(() => depth(plane) === i + 1);
  }
  // Each is tried again after 50 ms and after 1 s, and then left alone.
  await poll(() => plane.metrics().ports[0]!.leases >= 10 + 50 * 3);
  await poll(() => plane.metrics().ports[0]!.unusable === 50);
  // The last try may still be under way.
  await poll(() => depth(plane) === 2);
  t.match(exhausted(plane), { queued: 2 }, 'whose turn comes in vain keeps the place');
  t.match(plane.metrics().ports, [{ used: 10, free: 0 }]);
  t.match(plane.metrics().servers, [{ connectFailuresTotal: 0 }]);
  held.open[0]!.socket.write(OK);
  await held.until(11);
  held.open[1]!.socket.write(OK);
  await held.until(12);
  t.same(
    held.open.slice(10).map(({ path }) => path),
    ['first', 'second'],
  );
  for (const { socket } of held.open.slice(2)) socket.write(OK);
  for (const client of clients) t.match(await client.closed(), /^HTTP\/1.1 200/);
});

t.test(
  '3 sources × 1,000 ports carry 3,000 connections to one server; the next waits for the first that ends',
  async (t) => {
    const held = await startHoldingServer();
    const plane = startPlane({
      servers: [held.server],
      ports: [24_000, 24_999],
      moreSources: ['127.0.1.2', '127.0.1.3'],
      backend: { connectionsPerServer: 65_535 },
      exhaustion: { queue: 10, timeoutMs: 60_000 },
    });
    use(t, held, plane);
    const clients: RawClient[] = [];
    for (let i = 0; i < 3000; i++) {
      clients.push(new RawClient(plane.port).send(request(`${i}`)));
      if (i % 100 === 99) await held.until(i + 1);
    }
    const peers = new Set(held.open.map(({ socket }) => `${socket.remoteAddress}:${socket.remotePort}`));
    t.equal(peers.size, 3000);
    clients.push(new RawClient(plane.port).send(request('late')));
    await poll(() => depth(plane) === 1);
    t.same(
      plane.metrics().ports.map(({ used, free }) => [used, free]),
      [
        [1000, 0],
        [1000, 0],
        [1000, 0],
      ],
    );
    held.open[1234]!.socket.end('HTTP/1.0 200 OK\r\n\r\nbye');
    await held.until(3001);
    t.equal(held.open.at(-1)!.path, 'late');
    t.match(exhausted(plane), { queued: 1, refused: 0, 'queue-timeout': 0 });
    for (const { socket } of held.open) if (!socket.writableEnded) socket.write(OK);
    for (const client of clients) if (!/^HTTP\/1.1 200/.test(await client.closed())) t.fail(client.received);
    plane.stop();
    await plane.allPortsBack();
  },
);

t.test('a source whose address has gone is not used until it is back', async (t) => {
  const held = await startHoldingServer();
  // 192.0.2.1 (RFC 5737) is on no host.
  const plane = startPlane({ servers: [held.server], ports: [23_500, 23_509], moreSources: ['192.0.2.1'] });
  use(t, held, plane);
  const clients = Array.from({ length: 11 }, (_, i) => new RawClient(plane.port).send(request(`${i}`)));
  await held.until(10);
  await poll(() => depth(plane) === 1);
  t.same(
    plane.events.filter(({ type }) => type === 'source-lost'),
    [{ type: 'source-lost', pool: 'default', address: '192.0.2.1' }],
  );
  t.match(plane.metrics().ports, [
    { source: '127.0.1.1', used: 10, free: 0, unusable: 0 },
    { source: '192.0.2.1', used: 0, free: 0, unusable: 10 },
  ]);
  plane.tell({ type: 'sources', sources: [{ pool: 'default', address: '192.0.2.1', state: 'ready' }] });
  await poll(() => plane.events.filter(({ type }) => type === 'source-lost').length === 2);
  for (const { socket } of held.open.splice(0)) socket.write(OK);
  await held.until(1);
  held.open[0]!.socket.write(OK);
  for (const client of clients) t.match(await client.closed(), /^HTTP\/1.1 200/);
  t.match(plane.metrics().servers, [{ connectFailuresTotal: 0 }]);
});

t.test('a source that leaves ends its connections when they are free, and gives its ports back', async (t) => {
  const held = await startHoldingServer();
  const plane = startPlane({ servers: [held.server], ports: [23_600, 23_601], moreSources: ['127.0.1.2'] });
  use(t, held, plane);
  const client = new RawClient(plane.port);
  client.send('GET /idle HTTP/1.1\r\nHost: a\r\n\r\nGET /busy HTTP/1.1\r\nHost: a\r\n\r\n');
  const other = new RawClient(plane.port).send(request('other'));
  await held.until(2);
  const returned = (): number =>
    plane.events.reduce(
      (sum, event) =>
        event.type === 'return'
          ? sum + event.blocks.reduce((ports, { firstPort, lastPort }) => ports + lastPort - firstPort + 1, 0)
          : sum,
      0,
    );
  for (const address of ['127.0.1.1', '127.0.1.2']) {
    plane.tell({ type: 'sources', sources: [{ pool: 'default', address, state: 'leaving' }] });
  }
  await poll(() => returned() === 2);
  t.equal(
    plane.metrics().ports.reduce((sum, { used }) => sum + used, 0),
    2,
    'what is under way goes on',
  );
  for (const { socket } of held.open) socket.write(OK);
  await poll(() => returned() === 4);
  t.match(await other.closed(), /^HTTP\/1.1 200/);
  await poll(() => depth(plane) === 1);
  plane.tell({ type: 'sources', sources: [{ pool: 'default', address: '127.0.1.3', state: 'ready' }] });
  plane.tell({
    type: 'grant',
    blocks: [{ pool: 'default', address: '127.0.1.3', firstPort: 23_600, lastPort: 23_600 }],
  });
  await held.until(3);
  t.match(held.open[2], { path: 'busy', socket: { remoteAddress: '127.0.1.3' } });
  held.open[2]!.socket.write(OK);
  await client.until((text) => text.split('200 OK').length === 3);
  client.close();
});
