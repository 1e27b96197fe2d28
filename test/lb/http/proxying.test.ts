import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t, { type Test } from 'tap';
import { exchangeRaw, RawClient } from '../../fixtures/raw-client.ts';
import { startRawServer } from '../../fixtures/raw-server.ts';
import { type PlaneOptions, type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** A plane that is stopped after the test, with every source port back where it belongs. */
function plane(t: Test, options: PlaneOptions): RunningPlane {
  const running = startPlane(options);
  t.teardown(async () => {
    running.stop();
    await running.allPortsBack();
  });
  return running;
}

async function nodeServer(t: Test, handler: http.RequestListener): Promise<number> {
  const server = http.createServer(handler).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function scripted(t: Test, answer: string | Buffer, options: { readonly close?: boolean } = {}) {
  const server = await startRawServer((socket, data) => {
    if (!data.toString('latin1').includes('\r\n\r\n')) return;
    socket.write(typeof answer === 'string' ? Buffer.from(answer, 'latin1') : answer);
    if (options.close === true) socket.end();
  });
  t.teardown(() => server.close());
  return server;
}

const GET = 'GET /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

t.test('a request reaches the server with forwarded fields and without hop-by-hop ones', async (t) => {
  const server = await scripted(t, OK);
  const { port } = plane(t, { servers: [{ port: server.port }] });
  const answer = await exchangeRaw(
    port,
    'GET /p?q=1 HTTP/1.1\r\nHost: a.example:80\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 1\r\nTE: trailers\r\nX-Own: \xe9\r\n\r\n',
  );
  t.equal(answer, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
  t.equal(
    server.received(),
    'GET /p?q=1 HTTP/1.1\r\nHost: a.example:80\r\nX-Own: \xe9\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.example:80\r\n\r\n',
  );
  t.equal(server.sockets[0]?.remoteAddress, '127.0.1.1', 'from the leased address');
  t.equal(server.sockets[0]?.remotePort, 20_000, 'from the leased port');
});

t.test('framings of answers', async (t) => {
  const cases: Record<string, { request?: string; answer: string; close?: boolean; expected: string }> = {
    'an absolute target replaces Host': {
      request: 'GET http://b.example HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      answer: OK,
      expected: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
    },
    HEAD: {
      request: GET.replace('GET', 'HEAD'),
      answer: 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n',
      expected: 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\n',
    },
    '204': {
      answer: 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
      expected: 'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n',
    },
    '304': {
      answer: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: "a"\r\n\r\n',
      expected: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: "a"\r\nConnection: close\r\n\r\n',
    },
    chunked: {
      answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n',
      expected:
        'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n',
    },
    'closed at the end': {
      answer: 'HTTP/1.0 200 OK\r\nX: 1\r\n\r\nabc',
      close: true,
      expected:
        'HTTP/1.1 200 OK\r\nX: 1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    },
    'HTTP/1.0 client, chunked answer': {
      request: 'GET / HTTP/1.0\r\n\r\n',
      answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n',
      expected: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde',
    },
    'HTTP/1.0 client, answer closed at the end': {
      request: 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
      answer: 'HTTP/1.1 200 OK\r\n\r\nabc',
      close: true,
      expected: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc',
    },
    'interim answers': {
      answer: `HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n${OK}`,
      expected:
        'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
    },
    'no reason phrase': {
      answer: 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
      expected: 'HTTP/1.1 200 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    },
  };
  for (const [name, { request = GET, answer, close, expected }] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const server = await scripted(t, answer, close === undefined ? {} : { close });
      const { port } = plane(t, { servers: [{ port: server.port }] });
      t.equal(await exchangeRaw(port, request), expected);
    });
  }
});

t.test('answers that break HTTP give 502, and nothing of them', async (t) => {
  const cases = [
    'garbage\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na',
    'HTTP/1.1 200 OK\r\nX : 1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX: a\nY: b\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    'HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc',
    'HTTP/2.0 200 OK\r\n\r\n',
    `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`,
  ];
  for (const answer of cases) {
    await t.test(JSON.stringify(answer.slice(0, 60)), async (t) => {
      const server = await scripted(t, answer);
      const { port, metrics } = plane(t, { servers: [{ port: server.port }] });
      t.match(await exchangeRaw(port, GET), /^HTTP\/1\.1 502 Bad Gateway\r\n/);
      t.equal(metrics().requests[0]?.codes[0]?.code, 502);
    });
  }
});

t.test('malformed requests are refused and reach no server', async (t) => {
  const head = 'GET / HTTP/1.1\r\nHost: a\r\n';
  const post = 'POST / HTTP/1.1\r\nHost: a\r\n';
  const cases: [string, number][] = [
    ['GET / HTTP/1.1\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: u@a\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400],
    ['GET / HTTP/1.1\nHost: a\n\n', 400],
    [`${head}A: b\r\n c\r\n\r\n`, 400],
    [`${head}A: b\rc\r\n\r\n`, 400],
    [`${head}A: b\0c\r\n\r\n`, 400],
    [`${head}: b\r\n\r\n`, 400],
    ['GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['GET / HTTP/1.1 \r\nHost: a\r\n\r\n', 400],
    ['GET x HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['GET * HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['G(T / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello over TLS', 400],
    ['CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 501],
    ['GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
    [`${post}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`, 400],
    [`${post}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    [`${post}Content-Length: +1\r\n\r\na`, 400],
    [`${post}Content-Length: 0x1\r\n\r\na`, 400],
    [`${post}Content-Length: 1, 1\r\n\r\na`, 400],
    [`${post}Content-Length: \r\n\r\n`, 400],
    [`${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
    [`${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    [`${post}Transfer-Encoding: chunked\r\n\r\nx\r\n`, 400],
    [`${post}Transfer-Encoding: chunked\r\n\r\n-1\r\n`, 400],
    [`${post}Transfer-Encoding: chunked\r\n\r\n1\r\naXX`, 400],
    [`${post}Transfer-Encoding: chunked\r\n\r\n123456789\r\n`, 400],
    [`${head}A: ${'a'.repeat(17_000)}\r\n\r\n`, 431],
    [`${head}${'A: b\r\n'.repeat(200)}\r\n`, 431],
    [`GET /${'a'.repeat(17_000)}`, 431],
    [`${post}Content-Length: 101\r\n\r\n`, 413],
    [`${post}Transfer-Encoding: chunked\r\n\r\n80\r\n${'a'.repeat(128)}\r\n0\r\n\r\n`, 413],
  ];
  const server = await scripted(t, OK);
  const limits = { headerBytes: 16_384, bodyBytes: 100, webSocketMessageBytes: 1024 };
  const { port, metrics } = plane(t, { servers: [{ port: server.port }], listener: { limits } });
  for (const [request, status] of cases) {
    const answer = await exchangeRaw(port, request);
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} .*\r\n`), JSON.stringify(request.slice(0, 70)));
    t.match(answer, /\r\nConnection: close\r\n/);
  }
  t.equal(server.received(), '');
  const rejected = metrics().listeners[0]?.rejected.reduce((sum, { count }) => sum + count, 0);
  t.equal(rejected, cases.length, 'each is counted');
});

t.test('a head that comes byte by byte is put together', async (t) => {
  const server = await scripted(t, OK);
  const { port } = plane(t, { servers: [{ port: server.port }] });
  const client = new RawClient(port);
  client.socket.setNoDelay(true);
  for (const byte of `\r\n${GET}`) {
    client.send(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.match(await client.closed(), /\r\n\r\nok$/);
});

t.test('a client that pipelines gets its answers in order', async (t) => {
  const port = await nodeServer(t, (request, response) => {
    // The first is the slowest: out of order is what would come of carelessness.
    const delay = request.url === '/0' ? 20 : 0;
    setTimeout(() => response.end(`answer ${request.url}`), delay);
  });
  const { port: front } = plane(t, { servers: [{ port }], backend: { pipelining: 8 } });
  const requests = Array.from(
    { length: 20 },
    (_, i) => `GET /${i} HTTP/1.1\r\nHost: a\r\n${i === 19 ? 'Connection: close\r\n' : ''}\r\n`,
  );
  const received = await exchangeRaw(front, requests.join(''));
  t.same(
    [...received.matchAll(/answer \/(\d+)/g)].map((match) => Number(match[1])),
    Array.from({ length: 20 }, (_, i) => i),
  );
});

t.test('bodies go both ways, unchanged', async (t) => {
  const port = await nodeServer(t, (request, response) => {
    response.writeHead(
      200,
      request.headers['content-length'] === undefined ? {} : { 'Content-Length': request.headers['content-length'] },
    );
    request.pipe(response);
  });
  const { port: front, metrics } = plane(t, { servers: [{ port }] });
  for (const size of [0, 1, 1000, 65_536, 5_000_000]) {
    for (const chunked of [false, true]) {
      const body = randomBytes(size);
      const echoed = await new Promise<Buffer>((resolve, reject) => {
        const request = http.request(
          { port: front, method: 'POST', agent: false, headers: chunked ? {} : { 'Content-Length': size } },
          (response) => {
            const parts: Buffer[] = [];
            response.on('data', (part: Buffer) => parts.push(part));
            response.on('end', () => resolve(Buffer.concat(parts)));
          },
        );
        request.on('error', reject);
        if (chunked) {
          for (let at = 0; at < size; at += 100_000) request.write(body.subarray(at, at + 100_000));
          request.end();
        } else {
          request.end(body);
        }
      });
      t.ok(echoed.equals(body), `${size} bytes ${chunked ? 'in chunks' : 'by length'}`);
    }
  }
  t.same(metrics().requests[0]?.codes, [{ code: 200, count: 10 }]);
});

t.test('a slow reader slows the server down and costs no memory', async (t) => {
  const size = 256 * 1024 * 1024;
  const part = Buffer.alloc(65_536, 'x');
  const server = await startRawServer((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    let left = size / part.length;
    const push = (): void => {
      while (left > 0 && !socket.destroyed) {
        left--;
        if (!socket.write(part)) {
          socket.once('drain', push);
          return;
        }
      }
    };
    push();
  });
  t.teardown(() => server.close());
  const { port } = plane(t, { servers: [{ port: server.port }] });
  const client = new RawClient(port);
  client.socket.removeAllListeners('data');
  client.send(GET);
  const before = process.memoryUsage().arrayBuffers;
  let received = 0;
  let parts = 0;
  let most = 0;
  for await (const data of client.socket) {
    received += (data as Buffer).length;
    // What this client has read is garbage, and not to be counted.
    if (++parts % 256 === 0) {
      collectGarbage();
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    // Let everything else run while this client does not read.
    if (received % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(parts > 256, 'it was looked at');
  t.ok(received > size, 'all of it came');
  t.ok(most < 32 * 1024 * 1024, `buffers grew by ${most} bytes`);
});

t.test('Expect: 100-continue passes both ways', async (t) => {
  const port = await nodeServer(t, (request, response) => {
    request.pipe(response);
  });
  const { port: front } = plane(t, { servers: [{ port }] });
  const client = new RawClient(front).send(
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n',
  );
  await client.until((received) => received.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
  t.match(await client.send('abc').closed(), /abc/);
});

t.test('an answer before the end of the request reaches the client, and the connections end', async (t) => {
  const server = await scripted(t, 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
  const { port, allPortsBack } = plane(t, { servers: [{ port: server.port }] });
  const client = new RawClient(port)
    .send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n')
    .send('x'.repeat(20_000));
  await client.until((received) => received.endsWith('no'));
  t.match(client.received, /^HTTP\/1\.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno$/);
  client.send('x'.repeat(100_000)).socket.end();
  await client.closed();
  await allPortsBack();
  t.equal(client.error, '', 'no reset came before the answer was read');
});

t.test('a client that leaves cancels its request', async (t) => {
  let arrived: () => void = () => {};
  let gone: () => void = () => {};
  const hasArrived = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const isGone = new Promise<void>((resolve) => {
    gone = resolve;
  });
  const server = await startRawServer((socket) => {
    socket.on('close', () => gone());
    arrived();
  });
  t.teardown(() => server.close());
  const { port, metrics, allPortsBack } = plane(t, { servers: [{ port: server.port }] });
  const client = new RawClient(port).send(GET);
  await hasArrived;
  client.close();
  await isGone;
  await allPortsBack();
  t.same(metrics().requests[0]?.codes, [{ code: 499, count: 1 }]);
  t.equal(metrics().listeners[0]?.connections, 0);
});

t.test('failures', async (t) => {
  await t.test('a refused connection goes to another server', async (t) => {
    const dead = await scripted(t, OK);
    await dead.close();
    const alive = await scripted(t, OK);
    const { port, metrics } = plane(t, {
      servers: [{ port: dead.port }, { port: alive.port }],
      backend: { balance: 'round-robin' },
    });
    for (let i = 0; i < 4; i++) t.match(await exchangeRaw(port, GET), /\r\n\r\nok$/);
    t.ok(metrics().retries.some(({ reason, count }) => reason === 'connect' && count >= 1));
  });
  await t.test('502 when every server refuses', async (t) => {
    const dead = await scripted(t, OK);
    await dead.close();
    const { port } = plane(t, { servers: [{ port: dead.port }] });
    t.match(await exchangeRaw(port, GET), /^HTTP\/1\.1 502 /);
  });
  await t.test('503 without a server', async (t) => {
    const { port } = plane(t, { servers: [{ port: 9, healthy: false }] });
    t.match(await exchangeRaw(port, GET), /^HTTP\/1\.1 503 .*\r\n(.*\r\n)*Retry-After: 1\r\n/);
  });
  await t.test('503 without a free source port, and the server is not blamed', async (t) => {
    const server = await startRawServer(() => {});
    t.teardown(() => server.close());
    const { port, metrics } = plane(t, {
      servers: [{ port: server.port }],
      ports: [21_000, 21_000],
      backend: { connectionsPerServer: 64 },
    });
    const holder = new RawClient(port).send(GET);
    while (server.sockets.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const waiting = new RawClient(port).send(GET);
    while (metrics().queueDepth[0]?.depth !== 1) await new Promise((resolve) => setImmediate(resolve));
    t.equal(metrics().servers[0]?.connectFailuresTotal, 0);
    holder.close();
    // The port comes back and the request that waited gets it.
    while (server.sockets.length < 2) await new Promise((resolve) => setImmediate(resolve));
    server.sockets[1]?.write(OK);
    t.match(await waiting.closed(), /\r\n\r\nok$/);
  });
  await t.test('504 for a server that does not answer', async (t) => {
    const server = await startRawServer(() => {});
    t.teardown(() => server.close());
    const timeouts = { connectMs: 1000, responseMs: 60, idleMs: 1000 };
    const { port } = plane(t, { servers: [{ port: server.port }], backend: { timeouts } });
    t.match(await exchangeRaw(port, GET), /^HTTP\/1\.1 504 /);
  });
  await t.test('408 for a head that does not end', async (t) => {
    const server = await scripted(t, OK);
    const timeouts = { headerMs: 60 };
    const { port } = plane(t, { servers: [{ port: server.port }], listener: { timeouts } });
    t.match(await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost:'), /^HTTP\/1\.1 408 /);
  });
  await t.test('an answer that breaks off breaks off for the client too', async (t) => {
    const server = await scripted(t, 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', { close: true });
    const { port } = plane(t, { servers: [{ port: server.port }] });
    const client = new RawClient(port).send(GET);
    await client.closed();
    t.equal(client.error, 'ECONNRESET');
  });
  await t.test('404 without a route, and the connection goes on', async (t) => {
    const server = await scripted(t, OK);
    const { port } = plane(t, {
      servers: [{ port: server.port }],
      listener: { routes: [{ path: '/api', backend: 'app' }] },
    });
    const client = new RawClient(port).send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until((received) => received.includes('404 Not Found (portico)'));
    client.send('GET /api/y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    t.match(await client.closed(), /\r\n\r\nok$/);
  });
  await t.test('kept connections that the server has ended use up no tries', async (t) => {
    const KEPT = 4;
    const held: Socket[] = [];
    const asked = new Set<Socket>();
    // It answers one request of each connection, and ends it at the next, as one that has just closed all of them seems to do.
    const server = await startRawServer((socket) => {
      if (asked.has(socket)) socket.destroy();
      else if (asked.add(socket).size > KEPT) socket.write(OK);
      else if (held.push(socket) === KEPT) for (const each of held) each.write(OK);
    });
    t.teardown(() => server.close());
    const { port, metrics } = plane(t, { servers: [{ port: server.port }] });
    await Promise.all(Array.from({ length: KEPT }, () => exchangeRaw(port, GET)));
    t.match(await exchangeRaw(port, GET), /\r\n\r\nok$/);
    t.equal(asked.size, KEPT + 1);
    t.match(metrics().retries, [{ reason: 'closed', count: 1 }]);
  });
  await t.test('a request with a body is not sent twice', async (t) => {
    let requests = 0;
    const server = await startRawServer((socket) => {
      requests++;
      socket.destroy();
    });
    t.teardown(() => server.close());
    const { port } = plane(t, { servers: [{ port: server.port }] });
    t.match(
      await exchangeRaw(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\na'),
      /^HTTP\/1\.1 502 /,
    );
    t.equal(requests, 1);
    t.match(await exchangeRaw(port, GET), /^HTTP\/1\.1 502 /);
    t.equal(requests, 3, 'a GET is tried once more');
  });
});

t.test('a port that another program holds is passed over', async (t) => {
  const server = await scripted(t, OK);
  const squatter = http.createServer().listen(22_000, '127.0.1.1');
  await new Promise((resolve) => squatter.once('listening', resolve));
  t.teardown(() => squatter.close());
  const { port, metrics } = plane(t, { servers: [{ port: server.port }], ports: [22_000, 22_010] });
  t.match(await exchangeRaw(port, GET), /\r\n\r\nok$/);
  t.equal(metrics().ports[0]?.unusable, 1);
  t.equal(metrics().servers[0]?.connectFailuresTotal, 0);
});

t.test('drain: idle connections close, the answer under way is finished, who has just come is answered', async (t) => {
  let requests = 0;
  let onRequest = (): void => {};
  const server = await startRawServer(() => {
    requests++;
    onRequest();
  });
  t.teardown(() => server.close());
  const arrived = async (count: number): Promise<void> => {
    while (requests < count) await new Promise<void>((resolve) => (onRequest = resolve));
  };
  const { port, drain } = plane(t, { servers: [{ port: server.port }] });
  const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
  const idle = new RawClient(port).send(request);
  await arrived(1);
  server.sockets[0]!.write(OK);
  await idle.until((received) => received.endsWith('ok'));
  const fresh = new RawClient(port);
  const busy = new RawClient(port).send(request);
  await arrived(2);
  const drained = drain(5000);
  await idle.closed();
  server.sockets.at(-1)!.write(OK);
  t.match(await busy.closed(), /Connection: close\r\n\r\nok$/);
  fresh.send(request);
  await arrived(3);
  server.sockets.at(-1)!.write(OK);
  t.match(await fresh.closed(), /Connection: close\r\n\r\nok$/);
  await drained;
});

t.test('checksums over 64 MiB both ways', async (t) => {
  const hashOf = (parts: AsyncIterable<Buffer>) =>
    (async () => {
      const hash = createHash('sha1');
      for await (const part of parts) hash.update(part);
      return hash.digest('hex');
    })();
  const port = await nodeServer(t, async (request, response) => {
    response.end(await hashOf(request));
  });
  const { port: front } = plane(t, { servers: [{ port }] });
  const part = randomBytes(1 << 20);
  const expected = createHash('sha1');
  const answer = await new Promise<string>((resolve, reject) => {
    const request = http.request({ port: front, method: 'PUT', agent: false }, (response) => {
      let text = '';
      response.on('data', (data) => {
        text += data;
      });
      response.on('end', () => resolve(text));
    });
    request.on('error', reject);
    let left = 64;
    const push = (): void => {
      while (left-- > 0) {
        expected.update(part);
        if (!request.write(part)) {
          request.once('drain', push);
          return;
        }
      }
      request.end();
    };
    push();
  });
  t.equal(answer, expected.digest('hex'));
});
