import { once } from 'node:events';
import net from 'node:net';
import t from 'tap';
import { listeningPorts } from '../../../lb/kernel/listening-ports.ts';
import { openSocketDump } from '../../../lb/netlink/socket-dump.ts';

const SOURCES = ['127.9.0.1', '127.9.0.2'];

async function listen(host: string, options: net.ListenOptions = {}): Promise<net.Server> {
  const server = net.createServer((socket) => socket.on('error', () => {})).listen({ host, port: 0, ...options });
  await once(server, 'listening');
  return server;
}

const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port;

/** The code of the error, or undefined where it connects. */
function tryFrom(localAddress: string, localPort: number, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port, localAddress, localPort });
    socket.on('connect', () => {
      socket.resetAndDestroy();
      resolve(undefined);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  });
}

t.test('exactly the reported ports cannot be bound', async (t) => {
  const target = await listen('127.0.0.1');
  const servers = {
    wildcard: await listen('0.0.0.0'),
    dual: await listen('::'),
    first: await listen(SOURCES[0]!),
    second: await listen(SOURCES[1]!),
    elsewhere: await listen('127.9.0.3'),
  };
  const dump = openSocketDump();
  t.teardown(() => {
    dump.close();
    for (const server of [target, ...Object.values(servers)]) server.close();
  });
  const reported = await listeningPorts(dump, SOURCES);
  for (const [i, source] of SOURCES.entries()) {
    t.strictSame(
      reported[i],
      [...reported[i]!].sort((a, b) => a - b),
      'in order',
    );
    for (const [name, server] of Object.entries(servers)) {
      const code = await tryFrom(source, portOf(server), portOf(target));
      t.equal(code, reported[i]!.includes(portOf(server)) ? 'EADDRINUSE' : undefined, `${name} from ${source}`);
    }
  }
  const names = Object.entries(servers);
  t.strictSame(
    SOURCES.map((_, i) => names.filter(([, server]) => reported[i]!.includes(portOf(server))).map(([name]) => name)),
    [
      ['wildcard', 'dual', 'first'],
      ['wildcard', 'dual', 'second'],
    ],
  );
});

t.test('a listener on 0.0.0.0 has no part in IPv6', async (t) => {
  const server = await listen('0.0.0.0');
  const dump = openSocketDump();
  t.teardown(() => {
    dump.close();
    server.close();
  });
  const [four, six] = await listeningPorts(dump, ['127.9.0.1', '::1']);
  t.ok(four!.includes(portOf(server)));
  t.notOk(six!.includes(portOf(server)));
});
