import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import t from 'tap';
import { RawClient } from '../../fixtures/raw-client.ts';
import { startRawServer } from '../../fixtures/raw-server.ts';
import { type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';

const ID_SERVER = new URL('../../fixtures/id-server.js', import.meta.url);

async function startIdServer(): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(ID_SERVER);
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

interface Tally {
  own: number;
  refused: number;
  broken: number;
}

/**
 * Sends requests one after the other over a connection, and a new one where it broke; every answer has to be its own. Resolves with the
 * number of requests.
 */
function runClient(plane: RunningPlane, name: string, goesOn: () => boolean, tally: Tally): Promise<number> {
  return new Promise((resolve, reject) => {
    let at = 0;
    const connect = (): void => {
      const socket = net.connect(plane.port, '127.0.0.1');
      let text = '';
      let isOver = false;
      const next = (): void => {
        if (!goesOn()) {
          isOver = true;
          socket.destroy();
          resolve(at);
          return;
        }
        text = '';
        socket.write(`GET /${name}-${at} HTTP/1.1\r\nHost: a\r\n\r\n`);
      };
      const again = (): void => {
        if (isOver) return;
        isOver = true;
        tally.broken++;
        at++;
        if (!goesOn()) resolve(at);
        else connect();
      };
      socket.on('connect', next);
      socket.on('error', () => {});
      socket.on('close', again);
      socket.on('data', (data) => {
        text += data.toString('latin1');
        const end = text.indexOf('\r\n\r\n');
        const length = /content-length: (\d+)/i.exec(text);
        if (end < 0 || length === null || text.length < end + 4 + Number(length[1])) return;
        const body = text.slice(end + 4);
        if (text.startsWith('HTTP/1.1 200 ')) {
          if (body !== `<${`/${name}-${at}`}>${'.'.repeat(at % 300)}`) {
            isOver = true;
            reject(new Error(`${name}-${at} got ${JSON.stringify(body.slice(0, 80))}`));
            return;
          }
          tally.own++;
        } else {
          tally.refused++;
        }
        at++;
        next();
      });
    };
    connect();
  });
}

t.test(
  'servers killed under thousands of pipelined requests: own answers or 502, never another client’s',
  async (t) => {
    const servers = [await startIdServer(), await startIdServer()];
    const plane = startPlane({
      servers: servers.map(({ port }) => ({ port })),
      backend: { pipelining: 16, timeouts: { connectMs: 1000, responseMs: 3000, idleMs: 1000 } },
    });
    t.teardown(async () => {
      plane.stop();
      await plane.allPortsBack();
      for (const { child } of servers) child.kill('SIGKILL');
    });
    const CLIENTS = 64;
    const KILLS = 6;
    const tally: Tally = { own: 0, refused: 0, broken: 0 };
    let kills = 0;
    const chaos = (async () => {
      // Each kill waits for traffic to have gone on, not for time.
      for (let victim = 0; kills < KILLS; victim = 1 - victim) {
        const seen = tally.own;
        while (tally.own < seen + 1500) await new Promise((resolve) => setImmediate(resolve));
        servers[victim]!.child.kill('SIGKILL');
        kills++;
        servers[victim] = await startIdServer();
        plane.setServers(servers.map(({ port }) => ({ port })));
      }
    })();
    const counts = await Promise.all(
      Array.from({ length: CLIENTS }, (_, i) => runClient(plane, `c${i}`, () => kills < KILLS, tally)),
    );
    await chaos;
    const total = counts.reduce((sum, count) => sum + count, 0);
    t.equal(tally.own + tally.refused + tally.broken, total, 'every request had an outcome');
    t.equal(tally.broken, 0, 'no client connection broke: whole answers are passed on whole');
    t.ok(tally.own > total * 0.9, `${tally.own} own answers, ${tally.refused} refused`);
    const left = plane.metrics().servers.reduce((sum, { active }) => sum + active, 0);
    t.equal(left, 0, 'no connection is left with a request');
  },
);

t.test('requests of one tick leave in one write', async (t) => {
  const reads: number[] = [];
  const server = await startRawServer((socket, data) => {
    const count = data.toString('latin1').split('\r\n\r\n').length - 1;
    reads.push(count);
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'.repeat(count));
  });
  const plane = startPlane({ servers: [{ port: server.port }], backend: { pipelining: 32 } });
  t.teardown(async () => {
    plane.stop();
    await server.close();
  });
  const clients = Array.from({ length: 16 }, () => new RawClient(plane.port));
  const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
  const answersOf = (client: RawClient): number => client.received.split('\r\n\r\nok').length - 1;
  for (const client of clients) client.send(request);
  await Promise.all(clients.map((client) => client.until(() => answersOf(client) === 1)));
  const readsBefore = reads.length;
  // All connections are up: what is sent in one tick now is readable in one tick.
  for (const client of clients) client.send(request);
  await Promise.all(clients.map((client) => client.until(() => answersOf(client) === 2)));
  for (const client of clients) client.close();
  const later = reads.slice(readsBefore);
  t.equal(
    later.reduce((sum, count) => sum + count, 0),
    16,
  );
  t.ok(later.length <= 4, `reads of ${later.join(' ')} requests`);
});

t.test('a slow answer does not hold the others up', async (t) => {
  let held: net.Socket | undefined;
  const server = await startRawServer((socket, data) => {
    const paths = [...data.toString('latin1').matchAll(/GET (\S+)/g)].map((match) => match[1]!);
    for (const path of paths) {
      if (path === '/slow') held ??= socket;
      if (socket !== held) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
    }
  });
  const plane = startPlane({ servers: [{ port: server.port }], backend: { pipelining: 16 } });
  t.teardown(async () => {
    plane.stop();
    await server.close();
  });
  const slow = new RawClient(plane.port).send('GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  while (held === undefined) await new Promise((resolve) => setImmediate(resolve));
  const fast = Array.from({ length: 5 }, (_, i) =>
    new RawClient(plane.port).send(`GET /fast${i} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`),
  );
  const answers = await Promise.all(fast.map((client) => client.closed()));
  answers.forEach((answer, i) => {
    t.match(answer, new RegExp(`/fast${i}$`), 'answered while the first still waits');
  });
  held.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n/slow');
  t.match(await slow.closed(), /\/slow$/);
});

t.test('a client that leaves does not shift the answers of the others', async (t) => {
  const sockets: { socket: net.Socket; paths: string[] }[] = [];
  let isAnswering = false;
  const answer = ({ socket, paths }: (typeof sockets)[number]): void => {
    socket.write(
      paths
        .splice(0)
        .map((path) => `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${path}`)
        .join(''),
    );
  };
  const server = await startRawServer((socket, data) => {
    const entry = sockets.find((known) => known.socket === socket) ?? { socket, paths: [] };
    if (!sockets.includes(entry)) sockets.push(entry);
    entry.paths.push(...[...data.toString('latin1').matchAll(/GET (\S+)/g)].map((match) => match[1]!));
    // On a slow machine what waits behind the first is sent on a connection of its own meanwhile.
    if (isAnswering) answer(entry);
  });
  const plane = startPlane({ servers: [{ port: server.port }], backend: { pipelining: 16 } });
  t.teardown(async () => {
    plane.stop();
    await server.close();
  });
  const clients = ['/a', '/b', '/c'].map((path) =>
    new RawClient(plane.port).send(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`),
  );
  while (sockets.reduce((sum, { paths }) => sum + paths.length, 0) < 3)
    await new Promise((resolve) => setImmediate(resolve));
  const leaving = sockets[0]!.paths[0]!;
  clients[['/a', '/b', '/c'].indexOf(leaving)]!.close();
  while (plane.metrics().listeners[0]!.connections !== 2) await new Promise((resolve) => setImmediate(resolve));
  isAnswering = true;
  for (const entry of sockets) answer(entry);
  for (const [i, path] of ['/a', '/b', '/c'].entries()) {
    if (path !== leaving) t.match(await clients[i]!.closed(), new RegExp(`${path}$`));
  }
});

t.test('an answer that nobody asked for ends the connection', async (t) => {
  const server = await startRawServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
  });
  const plane = startPlane({ servers: [{ port: server.port }] });
  t.teardown(async () => {
    plane.stop();
    await server.close();
  });
  const client = new RawClient(plane.port);
  for (let i = 1; i <= 3; i++) {
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until((received) => received.split('\r\n\r\nok').length === i + 1);
  }
  t.notMatch(client.received, /evil/);
  client.close();
  await plane.allPortsBack();
  t.equal(server.sockets.length, 3, 'each request had a connection of its own');
});
