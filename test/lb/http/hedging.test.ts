import type net from 'node:net';
import t, { type Test } from 'tap';
import { FakeClock } from '../../fixtures/fake-clock.ts';
import { RawClient } from '../../fixtures/raw-client.ts';
import { startRawServer } from '../../fixtures/raw-server.ts';
import { type PlaneOptions, type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';
import { Random } from '../../fuzz/random.ts';

const AFTER_MS = 50;

interface Asked {
  readonly path: string;
  readonly socket: net.Socket;
  answer(body: string, status?: number): void;
}

/** A server whose requests wait for the test to answer them. */
async function scripted(t: Test) {
  const asked: Asked[] = [];
  const server = await startRawServer((socket, data) => {
    for (const [, path] of data.toString('latin1').matchAll(/^\w+ (\S+) HTTP/gm)) {
      const answer = (body: string, status = 200): void => {
        socket.write(`HTTP/1.1 ${status} x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      };
      asked.push({ path: path!, socket, answer });
    }
  });
  t.teardown(() => server.close());
  const next = async (): Promise<Asked> => {
    await poll(() => asked.length > 0);
    return asked.shift()!;
  };
  return { port: server.port, sockets: server.sockets, asked, next };
}

/** The state is that of other sockets, whose events come in no fixed order. */
async function poll(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setImmediate(resolve));
}

type Scripted = Awaited<ReturnType<typeof scripted>>;

interface Lab {
  readonly plane: RunningPlane;
  readonly clock: FakeClock;
  readonly first: Scripted;
  readonly second: Scripted;
  readonly client: RawClient;
  readonly request: Asked;
  readonly hedge: Asked;
}

/** A client's request that has been sent to both servers. */
async function race(t: Test, backend: PlaneOptions['backend'] = {}): Promise<Lab> {
  const clock = new FakeClock();
  const first = await scripted(t);
  const second = await scripted(t);
  const plane = startPlane({
    servers: [first, second],
    clock,
    backend: { hedge: { afterMs: AFTER_MS }, balance: 'round-robin', retries: 0, ...backend },
  });
  t.teardown(async () => {
    client.close();
    plane.stop();
    await plane.allPortsBack();
  });
  const client = new RawClient(plane.port).send('GET /one HTTP/1.1\r\nHost: a\r\n\r\n');
  await poll(() => first.asked.length + second.asked.length === 1);
  const [a, b] = first.asked.length === 1 ? [first, second] : [second, first];
  const request = await a.next();
  clock.advance(AFTER_MS - 10);
  t.equal(b.sockets.length, 0, 'not before its time');
  clock.advance(40);
  return { plane, clock, first: a, second: b, client, request, hedge: await b.next() };
}

const counts = (plane: RunningPlane): Record<string, number> =>
  Object.fromEntries(plane.metrics().hedges!.map(({ outcome, count }) => [outcome, count]));

const used = (plane: RunningPlane): number => plane.metrics().ports.reduce((sum, { used }) => sum + used, 0);

const endsWith = (text: string) => (received: string) => received.endsWith(text);

t.test('the second one answers first: the first one ends, and its port is free', async (t) => {
  const { plane, client, request, hedge } = await race(t);
  t.equal(hedge.path, '/one');
  t.equal(used(plane), 2);
  hedge.answer('second');
  t.match(await client.until(endsWith('second')), /^HTTP\/1\.1 200 x\r\nContent-Length: 6\r\n\r\nsecond$/);
  await poll(() => request.socket.destroyed);
  t.equal(used(plane), 1);
  t.same(counts(plane), { sent: 1, won: 1, refused: 0 });
  t.same(plane.metrics().requests.map(({ codes }) => codes)[0], [{ code: 200, count: 1 }], 'one answer is counted');
});

t.test('the first one answers first: the second one ends, and its port is free', async (t) => {
  const { plane, client, request, hedge } = await race(t);
  request.answer('first');
  t.match(await client.until(endsWith('first')), /^HTTP\/1\.1 200 x\r\nContent-Length: 5\r\n\r\nfirst$/);
  await poll(() => hedge.socket.destroyed);
  t.equal(used(plane), 1);
  t.same(counts(plane), { sent: 1, won: 0, refused: 0 });
});

t.test('an answer that breaks off breaks off for the client', async (t) => {
  const { client, hedge } = await race(t);
  hedge.socket.write('HTTP/1.1 200 x\r\nContent-Length: 99\r\n\r\npart');
  await client.until(endsWith('part'));
  hedge.socket.destroy();
  await client.closed();
  t.match(client.received, /part$/);
});

t.test('the client leaves: both end', async (t) => {
  const { plane, client, request, hedge } = await race(t);
  client.close();
  await poll(() => request.socket.destroyed && hedge.socket.destroyed);
  t.equal(used(plane), 0);
});

t.test('one of them fails: the other one answers', async (t) => {
  for (const fails of ['request', 'hedge'] as const) {
    const lab = await race(t);
    lab[fails].socket.resetAndDestroy();
    await poll(() => used(lab.plane) === 1);
    lab[fails === 'request' ? 'hedge' : 'request'].answer('good');
    t.match(await lab.client.until(endsWith('good')), /^HTTP\/1\.1 200/);
    t.equal(counts(lab.plane).won, fails === 'request' ? 1 : 0);
  }
});

t.test('both fail: the client hears of it, or the request is tried again where it may be', async (t) => {
  for (const order of [['request', 'hedge'] as const, ['hedge', 'request'] as const]) {
    const lab = await race(t);
    for (const which of order) {
      lab[which].socket.resetAndDestroy();
      await poll(() => lab[which].socket.destroyed);
    }
    t.match(await lab.client.until((received) => received.includes('502')), /^HTTP\/1\.1 502/);
    t.equal(used(lab.plane), 0);
  }
  const third = await scripted(t);
  const lab = await race(t, { retries: 2 });
  lab.plane.setServers([lab.first, lab.second, third]);
  lab.request.socket.resetAndDestroy();
  await poll(() => used(lab.plane) === 1);
  lab.hedge.socket.resetAndDestroy();
  (await third.next()).answer('third');
  t.match(await lab.client.until(endsWith('third')), /^HTTP\/1\.1 200/);
  t.equal(counts(lab.plane).sent, 1, 'there is one second request for each');
});

t.test('what a second server fails with does not win over a first one that may do better', async (t) => {
  const { plane, client, request, hedge } = await race(t);
  hedge.answer('ill', 503);
  await poll(() => plane.metrics().servers.reduce((sum, { idle }) => sum + idle, 0) === 1);
  request.answer('well');
  t.match(await client.until(endsWith('well')), /^HTTP\/1\.1 200/);
  t.equal(counts(plane).won, 0);
});

t.test('whatever the servers do, each client gets its own answers', async (t) => {
  // Answers in order, most at once, some late, some never: then the connection breaks.
  const random = new Random(7);
  const erratic = () =>
    startRawServer((socket, data) => {
      for (const [, path] of data.toString('latin1').matchAll(/^GET (\S+) HTTP/gm)) {
        const before = (socket as { turn?: Promise<void> }).turn ?? Promise.resolve();
        const delayMs = random.chance(0.15) ? 20 + random.below(80) : 0;
        const breaks = random.chance(0.03);
        (socket as { turn?: Promise<void> }).turn = before.then(async () => {
          if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
          if (breaks) socket.resetAndDestroy();
          else socket.write(`HTTP/1.1 200 x\r\nContent-Length: ${path!.length}\r\n\r\n${path}`);
        });
      }
    });
  for (const pipelining of [1, 16]) {
    const servers = [await erratic(), await erratic(), await erratic()];
    const plane = startPlane({
      servers,
      backend: {
        hedge: { afterMs: 20 },
        pipelining,
        retry: { on: ['connect', 'closed'], statuses: [], budgetPercent: 1000, minPerSecond: 1000, perTryTimeoutMs: 0 },
      },
    });
    let failed = 0;
    const run = async (id: number): Promise<void> => {
      const client = new RawClient(plane.port);
      for (let i = 0; i < 30; i++) {
        const path = `/${id}-${i}`;
        client.received = '';
        client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
        const received = await client.until((text) => text.endsWith(path) || text.includes('(portico)'));
        if (received.startsWith('HTTP/1.1 50')) failed++;
        else if (received !== `HTTP/1.1 200 x\r\nContent-Length: ${path.length}\r\n\r\n${path}`) t.fail(received);
      }
      client.close();
    };
    await Promise.all(Array.from({ length: 20 }, (_, id) => run(id)));
    const { sent, won } = counts(plane);
    t.ok(sent! > 0 && won! > 0 && won! <= sent!, `${sent} sent, ${won} won, ${failed} failed`);
    t.ok(failed < 60, 'most are answered');
    plane.stop();
    await plane.allPortsBack();
    await Promise.all(servers.map((server) => server.close()));
  }
});

t.test(
  'no second request beyond the budget, nor for what may not be sent twice, nor where it would wait',
  async (t) => {
    const retry = { on: [], statuses: [], budgetPercent: 0, minPerSecond: 0, perTryTimeoutMs: 0 };
    const cases = [
      { request: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', backend: { retry }, refused: 1 },
      { request: 'DELETE / HTTP/1.1\r\nHost: a\r\n\r\n', backend: {}, refused: 0 },
      { request: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi', backend: {}, refused: 0 },
      { request: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', backend: {}, ports: [20_000, 20_000] as const, refused: 0 },
    ];
    for (const { request, backend, refused, ports } of cases) {
      const clock = new FakeClock();
      const servers = [await scripted(t), await scripted(t)];
      const plane = startPlane({
        servers,
        clock,
        backend: { hedge: { afterMs: AFTER_MS }, ...backend },
        ...(ports === undefined ? {} : { ports, exhaustion: { queue: 0, timeoutMs: 1000 } }),
      });
      // The same port may lead to each of the servers: a request to the second one takes it there.
      const holder =
        ports === undefined
          ? undefined
          : new RawClient(plane.port).send('POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
      if (holder !== undefined) await poll(() => servers.some(({ asked }) => asked.length === 1));
      const client = new RawClient(plane.port).send(request);
      const due = holder === undefined ? 1 : 2;
      await poll(() => servers[0]!.asked.length + servers[1]!.asked.length === due);
      clock.advance(AFTER_MS * 4);
      t.same(counts(plane), { sent: 0, won: 0, refused });
      client.close();
      holder?.close();
      plane.stop();
      await plane.allPortsBack();
    }
  },
);

t.test('after the time within which a share of the answers comes, as soon as that is known', async (t) => {
  const clock = new FakeClock();
  const [a, b] = [await scripted(t), await scripted(t)];
  const plane = startPlane({
    servers: [a, b],
    clock,
    backend: { hedge: { afterQuantile: 0.9 }, balance: 'round-robin', retries: 0 },
  });
  const client = new RawClient(plane.port);
  const ask = async (): Promise<[Asked, Scripted]> => {
    client.received = '';
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await poll(() => a.asked.length + b.asked.length === 1);
    const server = a.asked.length === 1 ? a : b;
    return [server.asked.shift()!, server === a ? b : a];
  };
  const askOften = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      const [asked] = await ask();
      clock.advance(40);
      asked.answer('ok');
      await client.until(endsWith('ok'));
    }
  };
  await askOften(50);
  const [late] = await ask();
  clock.advance(2000);
  t.same(counts(plane), { sent: 0, won: 0, refused: 0 }, 'too few answers');
  late.answer('ok');
  await client.until(endsWith('ok'));
  await askOften(240);
  const [slow, other] = await ask();
  clock.advance(20);
  t.equal(other.asked.length, 0);
  clock.advance(100);
  (await other.next()).answer('second');
  await client.until(endsWith('second'));
  await poll(() => slow.socket.destroyed);
  t.same(counts(plane), { sent: 1, won: 1, refused: 0 });
  client.close();
  plane.stop();
  await plane.allPortsBack();
});
