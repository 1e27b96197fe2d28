import type net from 'node:net';
import t, { type Test } from 'tap';
import { exchangeRaw, RawClient } from '../../fixtures/raw-client.ts';
import { type RawServer, startRawServer } from '../../fixtures/raw-server.ts';
import { type PlaneOptions, type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';

const RETRY = {
  on: ['connect', 'closed'],
  statuses: [],
  budgetPercent: 20,
  minPerSecond: 10,
  perTryTimeoutMs: 0,
} as const;
const OUTLIER = {
  failuresInARow: 3,
  failurePercent: 0,
  minRequests: 10,
  intervalMs: 10_000,
  ejectionMs: 60_000,
  maxEjectionMs: 60_000,
  maxEjectedPercent: 50,
  statuses: [[502, 504]],
} as const;

const get = (extra = '', path = '/'): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${extra}Connection: close\r\n\r\n`;
const answer = (body: string, status = 200): string =>
  `HTTP/1.1 ${status} x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const bodyOf = (received: string): string => received.slice(received.indexOf('\r\n\r\n') + 4);

/** A server that answers every request with its name, or with nothing. */
async function named(t: Test, name: string, status = 200): Promise<RawServer> {
  const server = await startRawServer((socket, data) => {
    const requests = data.toString('latin1').split('\r\n\r\n').length - 1;
    if (status > 0) for (let i = 0; i < requests; i++) socket.write(answer(name, status));
  });
  t.teardown(() => server.close());
  return server;
}

function run(t: Test, options: PlaneOptions): RunningPlane {
  const plane = startPlane(options);
  t.teardown(() => plane.stop());
  return plane;
}

async function end(plane: RunningPlane): Promise<void> {
  plane.stop();
  await plane.allPortsBack();
}

/** Resolves when it holds; the state is that of other sockets, whose events come in no fixed order. */
async function poll(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 2));
}

const retries = (plane: RunningPlane): Record<string, number> =>
  Object.fromEntries(plane.metrics().retries.map(({ reason, count }) => [reason, count]));

t.test('a server has no more requests than it may; more wait, first in first out', async (t) => {
  const open: { path: string; socket: net.Socket }[] = [];
  const server = await startRawServer((socket, data) => {
    for (const [, path] of data.toString('latin1').matchAll(/^GET \/(\S*)/gm)) open.push({ path: path!, socket });
  });
  t.teardown(() => server.close());
  for (const pipelining of [1, 16]) {
    open.length = 0;
    const plane = run(t, {
      servers: [server],
      backend: {
        requestsPerServer: 2,
        queue: { most: 3, timeoutMs: 5000, shed: { targetMs: 0, intervalMs: 0 } },
        pipelining,
      },
    });
    const depth = (): number => plane.metrics().queues![0]!.depth;
    const clients: RawClient[] = [];
    for (let i = 0; i < 5; i++) {
      clients.push(new RawClient(plane.port).send(get('', `/${i}`)));
      await poll(() => (i < 2 ? open.length === i + 1 : depth() === i - 1));
    }
    t.match(await exchangeRaw(plane.port, get('', '/over')), /^HTTP\/1.1 503 [\s\S]*Retry-After/);
    t.match(plane.metrics().queues, [{ queued: 3, refused: 1, timeouts: 0 }]);
    t.match(
      plane.metrics().exhausted.map(({ count }) => count),
      [0, 0, 0, 0],
      'which is no shortage of ports',
    );
    // One that waits goes away; one under way breaks: both make room.
    clients[3]!.close();
    await poll(() => depth() === 2);
    open[0]!.socket.write('nonsense\r\n\r\n');
    await poll(() => open.length > 2);
    // What stood behind it on the same connection is sent again as well.
    t.match(open[2]!.path, pipelining === 1 ? /2/ : /[12]/);
    t.match(await clients[0]!.closed(), /^HTTP\/1.1 502/);
    for (let k = pipelining === 1 ? 1 : 2; k < 4; k++) {
      await poll(() => open.length > k);
      open[k]!.socket.write(answer('ok'));
    }
    await poll(() => depth() === 0);
    if (pipelining === 1) for (const i of [1, 2, 4]) t.match(await clients[i]!.closed(), /^HTTP\/1.1 200/);
    for (const client of clients) client.close();
    await end(plane);
  }
});

t.test('who waits too long for a server gets 503', async (t) => {
  const silent = await named(t, '', 0);
  const plane = run(t, {
    servers: [silent],
    backend: { requestsPerServer: 1, queue: { most: 3, timeoutMs: 40, shed: { targetMs: 0, intervalMs: 0 } } },
  });
  const first = new RawClient(plane.port).send(get());
  await poll(() => silent.received() !== '');
  t.match(await exchangeRaw(plane.port, get()), /^HTTP\/1.1 503 [\s\S]*Retry-After/);
  t.match(plane.metrics().queues, [{ depth: 0, queued: 1, timeouts: 1 }]);
  first.close();
  await end(plane);
});

t.test('an answer of a chosen status is asked for elsewhere, where that does no harm', async (t) => {
  const [bad, good] = [await named(t, 'bad', 503), await named(t, 'good')];
  const plane = run(t, {
    servers: [bad, good],
    backend: { balance: 'round-robin', retry: { ...RETRY, statuses: [[503, 503]] } },
  });
  for (let i = 0; i < 4; i++) t.equal(bodyOf(await exchangeRaw(plane.port, get())), 'good');
  t.match(retries(plane), { status: 2 });
  const post = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi';
  const posts = [await exchangeRaw(plane.port, post), await exchangeRaw(plane.port, post)];
  t.same(posts.map(bodyOf).sort(), ['bad', 'good'], 'a POST is not sent twice');
  plane.setServers([bad]);
  t.equal(bodyOf(await exchangeRaw(plane.port, get())), 'bad', 'nobody else to ask: the answer stands');
  await end(plane);
});

t.test('a try that takes too long goes on at another server', async (t) => {
  const [silent, good] = [await named(t, '', 0), await named(t, 'good')];
  for (const pipelining of [1, 16]) {
    const plane = run(t, {
      servers: [silent, good],
      backend: { balance: 'round-robin', pipelining, retry: { ...RETRY, perTryTimeoutMs: 30 } },
    });
    for (let i = 0; i < 4; i++) t.equal(bodyOf(await exchangeRaw(plane.port, get())), 'good');
    t.match(retries(plane), { 'try-timeout': 2 });
    plane.setServers([silent]);
    const client = new RawClient(plane.port).send(get());
    const before = silent.received().length;
    await poll(() => silent.received().length > before);
    await new Promise((resolve) => setTimeout(resolve, 100));
    t.notOk(client.isClosed, 'without another server it is waited for');
    client.close();
    await end(plane);
  }
});

t.test('retries end with the budget; where nothing was sent, none is asked', async (t) => {
  const rude = await startRawServer((socket) => socket.resetAndDestroy());
  const good = await named(t, 'good');
  const retry = { ...RETRY, budgetPercent: 0, minPerSecond: 0 };
  const plane = run(t, { servers: [rude, good], backend: { balance: 'round-robin', retry } });
  const statuses = async (): Promise<string[]> =>
    [await exchangeRaw(plane.port, get()), await exchangeRaw(plane.port, get())]
      .map((text) => text.slice(9, 12))
      .sort();
  t.same(await statuses(), ['200', '502']);
  t.match(plane.metrics().queues, [{ retriesRefused: 1 }]);
  await rude.close();
  t.same(await statuses(), ['200', '200'], 'no connection came about');
  await end(plane);
});

t.test('a server that fails requests gets none for a while', async (t) => {
  const [bad, good] = [await named(t, 'bad', 503), await named(t, 'good')];
  const plane = run(t, { servers: [bad, good], backend: { balance: 'round-robin', outlier: OUTLIER } });
  const bodies: string[] = [];
  for (let i = 0; i < 12; i++) bodies.push(bodyOf(await exchangeRaw(plane.port, get())));
  t.equal(bodies.filter((body) => body === 'bad').length, 3);
  t.match(plane.metrics().servers, [
    { ejected: 1, ejectionsTotal: 1 },
    { ejected: 0, ejectionsTotal: 0 },
  ]);
  await end(plane);
});

t.test('requests that a shortage here kept from a server eject nobody', async (t) => {
  const silent = await named(t, '', 0);
  const plane = run(t, {
    servers: [silent],
    ports: [23_900, 23_900],
    exhaustion: { queue: 0, timeoutMs: 50 },
    backend: { outlier: { ...OUTLIER, maxEjectedPercent: 100 } },
  });
  const first = new RawClient(plane.port).send(get());
  await poll(() => silent.received() !== '');
  for (let i = 0; i < 5; i++) t.match(await exchangeRaw(plane.port, get()), /^HTTP\/1.1 503/);
  t.match(plane.metrics().servers, [{ ejected: 0 }]);
  first.close();
  await end(plane);
});

t.test('a cookie keeps a session on its server, also while that drains', async (t) => {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')];
  const plane = run(t, {
    servers: [a, b],
    backend: {
      balance: 'round-robin',
      sticky: { by: 'cookie', name: 'srv', key: 'a secret of some length', isSecure: true, maxAgeMs: 60_000 },
    },
  });
  const first = await exchangeRaw(plane.port, get());
  const [, cookie] = /\r\nSet-Cookie: (srv=[\w-]{16}); Path=\/; Max-Age=60; HttpOnly; SameSite=Lax; Secure\r\n/.exec(
    first,
  )!;
  const again = (): Promise<string> => exchangeRaw(plane.port, get(`Cookie: x=1; ${cookie}\r\n`));
  const home = bodyOf(first);
  const [own, other] = home === 'a' ? [a, b] : [b, a];
  for (let i = 0; i < 4; i++) {
    const next = await again();
    t.equal(bodyOf(next), home);
    t.notMatch(next, /Set-Cookie/, 'nothing new to say');
  }
  t.match(await exchangeRaw(plane.port, get('Cookie: srv=made-up\r\n')), /Set-Cookie: srv=/);
  plane.setServers([{ port: own.port, admin: 'drain' }, other]);
  t.equal(bodyOf(await again()), home, 'a drain lets the session go on');
  t.not(bodyOf(await exchangeRaw(plane.port, get())), home, 'but takes no new one');
  plane.setServers([{ port: own.port, admin: 'maintenance' }, other]);
  const moved = await again();
  t.not(bodyOf(moved), home);
  t.match(moved, /Set-Cookie: srv=/, 'and the client hears of its new server');
  await end(plane);
});

t.test('a header keeps a session on its server when servers come', async (t) => {
  const names = ['a', 'b', 'c', 'd'];
  const servers = await Promise.all(names.map((name) => named(t, name)));
  const plane = run(t, {
    servers: servers.slice(0, 2),
    backend: { balance: 'round-robin', sticky: { by: 'header', name: 'X-Session', entries: 1000, ttlMs: 60_000 } },
  });
  const ask = async (i: number): Promise<string> => bodyOf(await exchangeRaw(plane.port, get(`x-session: s${i}\r\n`)));
  const before: string[] = [];
  for (let i = 0; i < 20; i++) before.push(await ask(i));
  t.equal(new Set(before).size, 2, 'both servers have some');
  plane.setServers(servers);
  for (let i = 0; i < 20; i++) t.equal(await ask(i), before[i]);
  await end(plane);
});

t.test('a server that drains is left alone as soon as nothing is under way', async (t) => {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')];
  const plane = run(t, { servers: [a, b], backend: { balance: 'round-robin' } });
  for (let i = 0; i < 4; i++) await exchangeRaw(plane.port, get());
  const ended = new Promise((resolve) => a.sockets[0]!.once('end', resolve));
  plane.setServers([{ port: a.port, admin: 'drain' }, b]);
  await ended;
  t.match(plane.metrics().servers, [{ active: 0, idle: 0 }, { idle: 1 }]);
  for (let i = 0; i < 3; i++) t.equal(bodyOf(await exchangeRaw(plane.port, get())), 'b');
  await end(plane);
});
