import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { get } from '../fixtures/steady-load.ts';

const SOCKETS = 20;

/** One plane in front of the server, with these settings of its drain. */
async function start(t: Test, server: http.Server, drain: string) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const [web, admin] = await freePorts();
  const file = writeConfig(`
planes: 1
drain: { ${drain} }
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${web}", backend: app }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:${(server.address() as net.AddressInfo).port}" }] }]
`);
  const portico = new PorticoProcess(['run', '-c', file]);
  t.teardown(() => portico.child.kill('SIGKILL'));
  await portico.until(/Portico is running\./);
  return { portico, web, admin };
}

t.test(
  'readiness fails first, then clients are told, WebSockets one after the other, and the rest is cut',
  async (t) => {
    const server = http.createServer((_request, response) => response.end('fine'));
    const echo = new WebSocketServer({ server });
    const { portico, web, admin } = await start(t, server, 'delay: 1s, timeout: 2s');
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    t.equal((await get(web, '/', agent)).body, 'fine');
    const ends: number[] = [];
    const sockets = await Promise.all(
      Array.from({ length: SOCKETS }, async () => {
        const socket = new WebSocket(`ws://127.0.0.1:${web}/`);
        socket.on('close', (code) => ends.push(code));
        await once(socket, 'open');
        return socket;
      }),
    );
    // One that says nothing more, not even to a Close frame.
    const [deaf] = sockets;
    (deaf as unknown as { _socket: net.Socket })._socket.pause();
    const drain = (method: string, query = ''): Promise<number> =>
      fetch(`http://127.0.0.1:${admin}/api/v1/drain${query}`, { method }).then(({ status }) => status);
    const ask = (): Promise<http.IncomingMessage> =>
      new Promise((resolve, reject) => {
        http.get({ port: web, host: '127.0.0.1', agent }, (response) => resolve(response.resume())).on('error', reject);
      });
    // Announced and taken back.
    t.equal(await drain('POST', '?hold=true'), 202);
    t.equal((await get(admin, '/readyz')).status, 503);
    while ((await ask()).headers.connection !== 'close');
    t.equal(await drain('DELETE'), 200);
    t.equal((await get(admin, '/readyz')).status, 200);
    while ((await ask()).headers.connection === 'close');
    t.equal(await drain('POST'), 202);
    t.equal((await get(admin, '/readyz')).status, 503);
    const answer = await ask();
    t.equal(answer.headers.connection, 'close', 'a kept connection ends with this answer');
    t.equal((await get(web, '/')).body, 'fine', 'who has not heard of it yet is served');
    t.equal(ends.length, 0, 'no WebSocket has been told yet');
    t.equal(await portico.ended(), 0);
    t.match(portico.stderr, /1 connections were open at the end of the drain, and are cut/);
    t.equal(ends.filter((code) => code === 1001).length, SOCKETS - 1);
    echo.close();
  },
);

t.test('a kept connection has one more answer, and one that asks nothing more is closed', async (t) => {
  const server = http.createServer((_request, response) => response.end('fine'));
  const { portico, web } = await start(t, server, 'timeout: 20s');
  const connect = async (): Promise<net.Socket> => {
    const socket = net.connect(web, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };
  const ask = async (socket: net.Socket): Promise<string> => {
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const [data] = (await once(socket, 'data')) as [Buffer];
    return data.toString();
  };
  const [busy, silent, partial] = [await connect(), await connect(), await connect()];
  for (const socket of [busy, silent, partial]) t.notMatch(await ask(socket), /connection: close/i);
  partial.write('GET / HTTP/1.1\r\n');
  portico.child.kill('SIGTERM');
  let answer = '';
  // The first ones may come before the plane has heard of the drain.
  while (!/connection: close/i.test(answer)) {
    answer = await ask(busy);
    t.match(answer, /^HTTP\/1\.1 200 /);
  }
  partial.write('Host: a\r\n\r\n');
  const [last] = (await once(partial, 'data')) as [Buffer];
  t.match(last.toString(), /^HTTP\/1\.1 200 [\s\S]*connection: close/i, 'a request that was on its way');
  silent.resume();
  await once(silent, 'end');
  t.equal(await portico.ended(), 0);
  t.notMatch(portico.stderr, /connections were open at the end of the drain/);
});
