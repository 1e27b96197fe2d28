import t, { type Test } from 'tap';
import { exchangeRaw, RawClient } from '../../fixtures/raw-client.ts';
import { type RawServer, startRawServer } from '../../fixtures/raw-server.ts';
import { type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';

/** As Docker's client asks for a stream, and its server answers. */
const ATTACH = 'POST /attach HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: TCP\r\nContent-Length: 0\r\n\r\n';
const SWITCHED = 'HTTP/1.1 101 UPGRADED\r\nContent-Type: x/raw\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** `answer` is what the server says to a head; what comes later it keeps. */
async function run(t: Test, answer: string, upgrades?: readonly string[]) {
  const server = await startRawServer((socket, data) => {
    if (/^\w+ \S+ HTTP/.test(data.toString('latin1'))) socket.write(answer);
  });
  const plane = startPlane({
    servers: [server],
    backend: { pipelining: 16 },
    listener: { routes: [{ backend: 'app', ...(upgrades === undefined ? {} : { upgrades }) }] },
  });
  t.teardown(async () => {
    plane.stop();
    await plane.allPortsBack();
    await server.close();
  });
  return { plane, server };
}

async function poll(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setImmediate(resolve));
}

/** A client whose request has become a tunnel. */
async function tunnel(plane: RunningPlane, ahead = ''): Promise<RawClient> {
  const client = new RawClient(plane.port, { allowHalfOpen: true }).send(ATTACH + ahead);
  const head = await client.until((received) => received.endsWith('\r\n\r\n'));
  client.received = '';
  return Object.assign(client, { head });
}

const bytesOf = (server: RawServer): string => server.received().slice(server.received().indexOf('\r\n\r\n') + 4);

t.test('bytes pass both ways, also those that came ahead, and an end on one side leaves the other open', async (t) => {
  const { plane, server } = await run(t, SWITCHED, ['tcp']);
  const client = await tunnel(plane, 'ahead\0');
  t.match(server.received(), /^POST \/attach HTTP\/1\.1\r\nHost: a\r\nUpgrade: TCP\r\n/);
  t.match(server.received(), /\r\nConnection: Upgrade\r\n\r\n/);
  t.equal(
    (client as RawClient & { head: string }).head,
    SWITCHED.replace('Connection: Upgrade\r\n', '').replace('Upgrade: tcp', 'Connection: Upgrade\r\nUpgrade: tcp'),
  );
  // What would be a Close frame of a WebSocket, and one that is too long for any.
  const odd = '\x88\x02\x03\xe9\xff\x7f\xff\xff\xff\xff\xff\xff\xff\xff';
  client.send(odd);
  await poll(() => bytesOf(server) === `ahead\0${odd}`);
  server.sockets[0]!.write(Buffer.from(odd, 'latin1'));
  t.equal(await client.until((received) => received.length === odd.length), odd);
  t.match(plane.metrics().listeners, [{ connections: 1, webSockets: 0 }]);
  t.match(plane.metrics().requests, [{ codes: [{ code: 101, count: 1 }] }]);
  let hasEnded = false;
  server.sockets[0]!.removeAllListeners('end').on('end', () => {
    hasEnded = true;
  });
  client.socket.end();
  await poll(() => hasEnded);
  server.sockets[0]!.end('more');
  await client.until((received) => received.endsWith('more'));
  client.close();
});

t.test('a drain lets a tunnel be, and ends when it does', async (t) => {
  const { plane, server } = await run(t, SWITCHED, ['tcp']);
  const client = await tunnel(plane);
  const drained = plane.drain(60_000);
  client.send('still');
  await poll(() => bytesOf(server).length >= 5);
  t.equal(bytesOf(server), 'still', 'and says nothing in it');
  client.close();
  await drained;
});

t.test('the server decides: its answer may be any other', async (t) => {
  const { plane } = await run(t, OK, ['tcp']);
  const client = new RawClient(plane.port).send(ATTACH).send(ATTACH);
  t.equal(await client.until((received) => received.length === OK.length * 2), OK + OK);
  client.close();
});

t.test('a protocol that was not asked for is a broken answer', async (t) => {
  for (const [asked, got] of [
    ['tcp', 'spdy/3.1'],
    ['tcp', 'websocket'],
    ['websocket', 'tcp'],
  ]) {
    const { plane } = await run(t, SWITCHED.replace('Upgrade: tcp', `Upgrade: ${got}`), ['tcp', 'spdy/3.1']);
    const request = `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: ${asked}\r\n\r\n`;
    t.match(await exchangeRaw(plane.port, request), /^HTTP\/1\.1 502/, `${got} instead of ${asked}`);
  }
});

t.test('where it is not allowed, or cannot be, the field is dropped', async (t) => {
  const cases: [string, readonly string[] | undefined][] = [
    [ATTACH, undefined],
    [ATTACH, ['spdy/3.1']],
    [ATTACH.replace('TCP', 'tcp, spdy/3.1'), ['tcp', 'spdy/3.1']],
    [ATTACH.replace('Connection: Upgrade', 'Connection: keep-alive'), ['tcp']],
    [ATTACH.replace('HTTP/1.1', 'HTTP/1.0'), ['tcp']],
    [`${ATTACH.replace('Length: 0', 'Length: 2')}hi`, ['tcp']],
  ];
  for (const [request, upgrades] of cases) {
    const { plane, server } = await run(t, OK, upgrades);
    const client = new RawClient(plane.port).send(request);
    await client.until((received) => received.endsWith('ok'));
    client.close();
    t.notMatch(server.received(), /upgrade/i, request);
  }
});

t.test('CONNECT has a status of its own', async (t) => {
  const { plane, server } = await run(t, OK, ['tcp']);
  t.match(await exchangeRaw(plane.port, 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'), /^HTTP\/1\.1 501/);
  t.equal(server.received(), '');
});
