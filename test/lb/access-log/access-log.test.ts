import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { AccessLogConfig } from '../../../config/config.ts';
import { exchangeRaw, RawClient } from '../../fixtures/raw-client.ts';
import { startRawServer } from '../../fixtures/raw-server.ts';
import { type PlaneOptions, startPlane } from '../../fixtures/running-plane.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = 'GET /p?q="\\ HTTP/1.1\r\nHost: A.example:80\r\nUser-Agent: t"est\r\nConnection: close\r\n\r\n';

interface Line {
  readonly [key: string]: unknown;
}

function folder(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'portico-log-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** A plane that logs to a file of its own, before a server that answers with `answer`. */
async function run(
  t: Test,
  log: Partial<AccessLogConfig> = {},
  options: Partial<PlaneOptions> = {},
  answer: string | undefined = OK,
) {
  const file = log.file ?? join(folder(t), 'access.log');
  const server = await startRawServer((socket, data) => {
    if (answer !== undefined && data.toString('latin1').includes('\r\n\r\n')) socket.write(answer);
  });
  const plane = startPlane({
    servers: [{ port: server.port }],
    ...options,
    listener: { accessLog: { file, format: 'json', sample: 1, bufferBytes: 131_072, ...log }, ...options.listener },
  });
  t.teardown(async () => {
    plane.stop();
    await plane.allPortsBack();
    await server.close();
  });
  /** Waits until that many lines have been written, and returns them. */
  const lines = async (count: number): Promise<string[]> => {
    const written = () => plane.metrics().logs?.find(({ outcome }) => outcome === 'written')?.count ?? 0;
    while (written() < count) await new Promise((resolve) => setImmediate(resolve));
    return readFileSync(file, 'latin1').trimEnd().split('\n');
  };
  const line = async (): Promise<Line> => JSON.parse((await lines(1))[0]!) as Line;
  return { plane, server, file, lines, line };
}

t.test('a line of JSON says who, what, from which port, and how long', async (t) => {
  const { plane, server, line } = await run(t);
  const client = new RawClient(plane.port).send(GET);
  const clientPort = new Promise<number>((resolve) =>
    client.socket.once('connect', () => resolve(client.socket.localPort!)),
  );
  await client.closed();
  const { time, queue_ms, connect_ms, first_byte_ms, total_ms, client_port, ...rest } = await line();
  t.same(rest, {
    listener: 'web',
    client: '127.0.0.1',
    method: 'GET',
    host: 'A.example:80',
    path: '/p?q="\\',
    protocol: 'HTTP/1.1',
    user_agent: 't"est',
    status: 200,
    bytes_in: 0,
    bytes_out: 2,
    backend: 'app',
    server: `127.0.0.1:${server.port}`,
    source: '127.0.1.1',
    source_port: server.sockets[0]!.remotePort,
    retries: 0,
    end: 'ok',
  });
  t.equal(client_port, await clientPort);
  t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  t.ok(Math.abs(Date.parse(time as string) - Date.now()) < 60_000, 'the time of the day');
  const parts = [queue_ms, connect_ms, first_byte_ms] as number[];
  for (const part of parts) t.ok(part >= 0, String(part));
  const sum = parts.reduce((total, part) => total + part, 0);
  t.ok(sum <= (total_ms as number) + 0.002, `${sum} of ${total_ms}`);
});

t.test('of a request that was sent twice, the line tells of the one that was answered', async (t) => {
  const file = join(folder(t), 'access.log');
  const askedMs: number[] = [];
  // Only the second is answered, whichever server it comes to.
  const start = () =>
    startRawServer((socket) => {
      if (askedMs.push(performance.now()) === 2) socket.write(OK);
    });
  const servers = await Promise.all([start(), start()]);
  const plane = startPlane({
    servers: servers.map(({ port }) => ({ port })),
    listener: { accessLog: { file, format: 'json', sample: 1, bufferBytes: 131_072 } },
    backend: { hedge: { afterMs: 20 } },
  });
  t.teardown(async () => {
    plane.stop();
    await plane.allPortsBack();
    await Promise.all(servers.map((server) => server.close()));
  });
  await exchangeRaw(plane.port, GET);
  while (!plane.metrics().logs?.some(({ outcome, count }) => outcome === 'written' && count === 1))
    await new Promise((resolve) => setImmediate(resolve));
  const line = JSON.parse(readFileSync(file, 'latin1')) as Line & { readonly [key: `${string}_ms`]: number };
  t.ok(
    servers.some(
      ({ port, sockets }) => line.server === `127.0.0.1:${port}` && line.source_port === sockets[0]!.remotePort,
    ),
  );
  t.equal(line.retries, 1);
  const { queue_ms, connect_ms, first_byte_ms, total_ms } = line;
  t.ok(queue_ms >= 0 && connect_ms >= 0 && first_byte_ms >= 0);
  // Since before the first came to its server, until after the second was answered.
  const leastMs = askedMs[1]! - askedMs[0]!;
  const untilAnswered = queue_ms + connect_ms + first_byte_ms + 0.003;
  t.ok(untilAnswered >= leastMs, `${untilAnswered} of at least ${leastMs}`);
  t.ok(untilAnswered <= total_ms + 0.006, `${untilAnswered} of ${total_ms}`);
});

t.test('common and combined', async (t) => {
  const common = await run(t, { format: 'common' });
  await exchangeRaw(common.plane.port, GET);
  t.match(
    (await common.lines(1))[0],
    /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/p\?q=\\"\\\\ HTTP\/1\.1" 200 2$/,
  );
  const combined = await run(t, { format: 'combined' });
  await exchangeRaw(combined.plane.port, GET);
  await exchangeRaw(combined.plane.port, 'nonsense\r\n\r\n');
  const [first, second] = await combined.lines(2);
  t.match(first, / 200 2 "-" "t\\"est"$/);
  t.match(second, /\] "-" 400 - "-" "-"$/);
});

t.test('how requests end', async (t) => {
  const close = 'Host: a\r\nConnection: close\r\n\r\n';
  const cases: Record<
    string,
    { run: Parameters<typeof run> extends [unknown, ...infer R] ? R : never; request: string; expected: Line }
  > = {
    'a head that is no head': {
      run: [],
      request: 'GET\r\n\r\n',
      expected: { status: 400, end: 'malformed', method: undefined },
    },
    'no route': {
      run: [{}, { listener: { routes: [{ host: 'b', backend: 'app' }] } }],
      request: `GET / HTTP/1.1\r\n${close}`,
      expected: { status: 404, end: 'no-route', backend: undefined, server: undefined, queue_ms: undefined },
    },
    'a fixed answer': {
      run: [{}, { listener: { routes: [{ answer: { status: 418, body: '', contentType: 'a' } }] } }],
      request: `GET / HTTP/1.1\r\n${close}`,
      expected: { status: 418, end: 'ok', backend: undefined },
    },
    'no server': {
      run: [{}, { servers: [] }],
      request: `GET / HTTP/1.1\r\n${close}`,
      expected: { status: 503, end: 'no-server', backend: 'app', server: undefined },
    },
    'a server that refuses': {
      run: [{}, { servers: [{ port: 1 }], backend: { retries: 2 } }],
      request: `GET / HTTP/1.1\r\n${close}`,
      expected: { status: 502, end: 'server-unreachable', server: '127.0.0.1:1', first_byte_ms: undefined },
    },
    'an answer that is none': {
      run: [{}, {}, 'nonsense\r\n\r\n'],
      request: `GET / HTTP/1.1\r\n${close}`,
      expected: { status: 502, end: 'server-bad-answer' },
    },
    'a server that takes too long': {
      run: [{}, { backend: { timeouts: { connectMs: 1000, responseMs: 1, idleMs: 1000 } } }, ''],
      request: `GET / HTTP/1.1\r\n${close}`,
      expected: { status: 504, end: 'server-timeout' },
    },
    'a body that is too large': {
      run: [{}, { listener: { limits: { headerBytes: 1024, bodyBytes: 3, webSocketMessageBytes: 1 } } }],
      request: `POST / HTTP/1.1\r\nContent-Length: 4\r\n${close}abcd`,
      expected: { status: 413, end: 'body-too-large', method: 'POST' },
    },
    'a body that is not': {
      run: [],
      request: `POST / HTTP/1.1\r\nContent-Length: 4\r\n${close}abcd`,
      expected: { bytes_in: 4, end: 'ok' },
    },
  };
  for (const [name, { run: args, request, expected }] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const { plane, line } = await run(t, ...args);
      await exchangeRaw(plane.port, request);
      const found = await line();
      for (const [key, value] of Object.entries(expected)) t.same(found[key], value, key);
    });
  }
  await t.test('a client that goes', async (t) => {
    const { plane, server, line } = await run(t, {}, {}, '');
    const client = new RawClient(plane.port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    while (server.sockets.length === 0) await new Promise((resolve) => setImmediate(resolve));
    client.close();
    t.match(await line(), { status: 499, end: 'client-closed' });
  });
  await t.test('an answer that breaks off', async (t) => {
    const { plane, server, line } = await run(t, {}, {}, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok');
    const client = new RawClient(plane.port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until((received) => received.endsWith('ok'));
    server.sockets[0]!.destroy();
    await client.closed();
    t.match(await line(), { status: 200, end: 'server-closed', bytes_out: 2 });
  });
});

t.test('a request that was tried twice says so', async (t) => {
  let connections = 0;
  const flaky = await startRawServer((socket) => {
    if (connections++ === 0) socket.destroy();
    else socket.write(OK);
  });
  t.teardown(() => flaky.close());
  const { plane, line } = await run(t, {}, { servers: [{ port: flaky.port }] });
  await exchangeRaw(plane.port, GET);
  t.match(await line(), { retries: 1, status: 200, end: 'ok' });
});

t.test('a WebSocket is logged when it is over', async (t) => {
  const { plane, server, line } = await run(
    t,
    {},
    {},
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  );
  const client = new RawClient(plane.port).send(
    'GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  );
  await client.until((received) => received.endsWith('\r\n\r\n'));
  t.equal(plane.metrics().logs?.[0]?.count, 0);
  const before = server.received().length;
  client.send(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
  while (server.received().length < before + 8) await new Promise((resolve) => setImmediate(resolve));
  server.sockets[0]!.write(Buffer.from([0x81, 0x03, 0x61, 0x62, 0x63]));
  await client.until((received) => received.endsWith('abc'));
  server.sockets[0]!.end();
  client.socket.end();
  t.match(await line(), { status: 101, path: '/ws', end: 'ok', bytes_in: 8, bytes_out: 5 });
});

t.test('behind a trusted proxy the line has the client’s address, and the request’s ids', async (t) => {
  const { plane, line } = await run(
    t,
    {},
    {
      listener: {
        forwarding: {
          trusted: [{ address: '127.0.0.1', prefix: 32 }],
          style: 'x-forwarded',
          via: false,
          requestId: 'X-Id',
        },
      },
    },
  );
  const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  await exchangeRaw(
    plane.port,
    `GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9\r\nX-Id: "7"\r\ntraceparent: ${trace}\r\nConnection: close\r\n\r\n`,
  );
  t.match(await line(), { client: '9.9.9.9', client_port: 0, request_id: '"7"', traceparent: trace });
});

t.test('a sample leaves out what went well, and nothing else', async (t) => {
  const { plane, lines } = await run(t, { sample: 0 }, { listener: { routes: [{ host: 'a', backend: 'app' }] } });
  for (let i = 0; i < 5; i++) await exchangeRaw(plane.port, GET.replace('A.example', 'a'));
  await exchangeRaw(plane.port, GET);
  const found = await lines(1);
  t.equal(found.length, 1);
  t.match(found[0], /"end":"no-route"/);
});

t.test('after the file was moved away, lines go on in a new one', async (t) => {
  const { plane, file, lines } = await run(t);
  await exchangeRaw(plane.port, GET);
  await lines(1);
  renameSync(file, `${file}.1`);
  plane.tell({ type: 'reopen-logs' });
  const isThere = (): boolean => {
    try {
      closeSync(openSync(file, 'r'));
      return true;
    } catch {
      return false;
    }
  };
  while (!isThere()) await new Promise((resolve) => setImmediate(resolve));
  await exchangeRaw(plane.port, GET);
  t.equal((await lines(2)).length, 1);
  t.equal(readFileSync(`${file}.1`, 'latin1').trimEnd().split('\n').length, 1);
});

t.test('a disk that is full holds up no request; the lines are counted as failed', async (t) => {
  const { plane } = await run(t, { file: '/dev/full' });
  const failed = () => plane.metrics().logs?.find(({ outcome }) => outcome === 'failed')?.count ?? 0;
  for (let i = 0; i < 20; i++) t.match(await exchangeRaw(plane.port, GET), /^HTTP\/1\.1 200 /);
  while (failed() < 20) await exchangeRaw(plane.port, GET);
  t.equal(plane.metrics().logs?.find(({ outcome }) => outcome === 'written')?.count, 0);
});

t.test('a reader that stalls holds up no request; what it cannot take is dropped and counted', async (t) => {
  const fifo = join(folder(t), 'pipe');
  execFileSync('mkfifo', [fifo]);
  // A pipe holds 64 KiB; the writes after that block in the kernel, as those to a disk that stalls do.
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  t.teardown(() => closeSync(reader));
  const { plane } = await run(t, { file: fifo });
  const counts = () => Object.fromEntries((plane.metrics().logs ?? []).map(({ outcome, count }) => [outcome, count]));
  const client = new RawClient(plane.port);
  const request = `GET /${'x'.repeat(3000)} HTTP/1.1\r\nHost: a\r\n\r\n`;
  let requests = 0;
  while ((counts().dropped ?? 0) < 20) {
    client.received = '';
    client.send(request);
    requests++;
    await client.until((received) => received.endsWith('ok'));
  }
  t.ok(requests < 1000, `${requests} requests`);
  // The reader wakes up: what was kept comes out, whole.
  const buffer = Buffer.alloc(65_536);
  let text = '';
  const kept = requests - counts().dropped!;
  while (text.split('\n').length - 1 < kept) {
    try {
      text += buffer.latin1Slice(0, readSync(reader, buffer));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const line of text.trimEnd().split('\n')) t.doesNotThrow(() => JSON.parse(line));
  client.close();
});
