import t from 'tap';
import { Admission } from '../../../lb/http/admission.ts';
import { RawClient } from '../../fixtures/raw-client.ts';
import { startRawServer } from '../../fixtures/raw-server.ts';
import { startPlane } from '../../fixtures/running-plane.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const LIMITS = {
  headerBytes: 1024,
  headerCount: 1,
  bodyBytes: 1,
  bodyRate: 0,
  answerRate: 0,
  unsentBytes: Number.POSITIVE_INFINITY,
  webSocketMessageBytes: 1,
};

t.test('clients are counted by address, IPv6 ones by /64', async (t) => {
  const admission = new Admission({ ...LIMITS, connections: 100, connectionsPerClient: 1 });
  for (const client of ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8:0:1::1', '::ffff:192.0.2.3', '::1']) {
    t.equal(admission.enter(client), 'taken', client);
  }
  for (const client of ['192.0.2.1', '2001:db8::ffff:2', '2001:db8:0:0:1::', '2001:db8:0:1:2:3:4:5']) {
    t.match(admission.enter(client), { status: 429 }, client);
    admission.leave(client, false);
  }
  admission.leave('2001:db8::1', true);
  t.equal(admission.enter('2001:db8::2'), 'taken');
});

t.test('those that are told to go are limited, too', async (t) => {
  const admission = new Admission({ ...LIMITS, connections: 1, connectionsPerClient: Number.POSITIVE_INFINITY });
  t.equal(admission.enter(''), 'taken');
  for (let i = 0; i < 256; i++) t.match(admission.enter(''), { status: 503 });
  t.equal(admission.enter(''), 'reset');
  admission.leave('', false);
  t.match(admission.enter(''), { status: 503 });
});

for (const [key, status] of [
  ['connections', 503],
  ['connectionsPerClient', 429],
] as const) {
  t.test(`${key}: more are answered, and do no harm to others`, async (t) => {
    const server = await startRawServer((socket) => socket.write(OK));
    const plane = startPlane({ servers: [{ port: server.port }], listener: { limits: { [key]: 2 } } });
    const first = [new RawClient(plane.port), new RawClient(plane.port)];
    for (const client of first) await client.send(GET).until((received) => received.endsWith('ok'));
    const more = Array.from({ length: 20 }, () => new RawClient(plane.port).send(GET));
    for (const client of more) t.match(await client.closed(), new RegExp(`^HTTP/1.1 ${status} .*\r\n`));
    for (const client of first) {
      client.received = '';
      await client.send(GET).until((received) => received.endsWith('ok'));
    }
    first[0]!.close();
    while (plane.metrics().listeners[0]!.connections > 1) await new Promise((resolve) => setImmediate(resolve));
    await new RawClient(plane.port).send(GET).until((received) => received.endsWith('ok'));
    t.match(plane.metrics().listeners[0]!.rejected, [{ count: 20 }]);
    plane.stop();
    await plane.allPortsBack();
    await server.close();
  });
}
