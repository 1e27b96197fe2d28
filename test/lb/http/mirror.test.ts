import t, { type Test } from 'tap';
import { exchangeRaw, RawClient } from '../../fixtures/raw-client.ts';
import { type RawServer, startRawServer } from '../../fixtures/raw-server.ts';
import { startPlane } from '../../fixtures/running-plane.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function run(t: Test, mirror: (socket: RawServer['sockets'][number]) => void, percent = 100) {
  // Part of a body gets no answer yet.
  const main = await startRawServer((socket, data) => !data.toString().endsWith('x') && socket.write(OK));
  const shadow = await startRawServer(mirror);
  const plane = startPlane({
    servers: [{ port: main.port }],
    moreBackends: { shadow: [{ port: shadow.port }] },
    listener: { routes: [{ backend: 'app', mirror: { backend: 'shadow', percent } }] },
  });
  t.teardown(async () => {
    plane.stop();
    await plane.allPortsBack();
    await Promise.all([main.close(), shadow.close()]);
  });
  const until = async (test: () => boolean): Promise<void> => {
    while (!test()) await new Promise((resolve) => setImmediate(resolve));
  };
  const mirrored = (): Record<string, number> =>
    Object.fromEntries(plane.metrics().mirrored!.map(({ outcome, count }) => [outcome, count]));
  return { plane, main, shadow, until, mirrored };
}

t.test('a mirror gets what the server gets', async (t) => {
  const { plane, main, shadow, until, mirrored } = await run(t, (socket) => socket.write(OK));
  const requests = [
    'GET /a?b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    'POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello',
    'POST /d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  ];
  for (const request of requests) {
    t.match(await exchangeRaw(plane.port, request), /\r\n\r\nok$/);
    await until(() => shadow.received().length === main.received().length);
  }
  t.equal(shadow.received(), main.received());
  t.same(mirrored(), { sent: 3, failed: 0, dropped: 0 });
});

t.test('nothing that a mirror does is felt by a client', async (t) => {
  const ways: Record<string, (socket: RawServer['sockets'][number]) => void> = {
    'it says nothing': () => {},
    'it hangs up': (socket) => void socket.destroy(),
    'it talks nonsense': (socket) => void socket.write('nonsense\r\n\r\n'),
    'it breaks off': (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nok');
      socket.end();
    },
  };
  for (const [name, way] of Object.entries(ways)) {
    await t.test(name, async (t) => {
      const { plane, main, mirrored } = await run(t, way);
      const client = new RawClient(plane.port);
      // More than a mirror may have under way.
      for (let i = 0; i < 300; i++) {
        client.received = '';
        client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        t.equal(await client.until((received) => received.endsWith('ok')), OK);
      }
      client.close();
      t.equal(main.received().match(/GET/g)?.length, 300);
      const { sent, failed, dropped } = mirrored();
      t.equal(sent! + dropped!, 300);
      if (name === 'it says nothing') t.same([failed, dropped], [0, 44], 'no more than 256 at once');
      else t.ok(failed! > 0);
    });
  }
});

t.test('requests with a large body are not copied, and none are at 0 percent', async (t) => {
  const { plane, shadow, main, until } = await run(t, (socket) => socket.write(OK));
  const body = 'x'.repeat(70_000);
  const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length + 5}\r\n\r\n`;
  const client = new RawClient(plane.port).send(head + body);
  await until(() => main.received().includes(body));
  client.send('hello');
  await client.until((received) => received.endsWith('ok'));
  client.close();
  t.equal(shadow.received(), '');
  const none = await run(t, (socket) => socket.write(OK), 0);
  for (let i = 0; i < 20; i++)
    await exchangeRaw(none.plane.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  t.equal(none.shadow.received(), '');
});
