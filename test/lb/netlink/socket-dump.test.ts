import { spawnSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { DumpSocket } from '../../../lb/netlink/netlink-dump.ts';
import { NetlinkSocketDump, openSocketDump, type SocketDump } from '../../../lb/netlink/socket-dump.ts';

const ALL = 0xfff;
const ESTABLISHED = 1;
const TIME_WAIT = 6;
const LISTEN = 10;
const SOURCES = ['127.8.0.1', '127.8.0.2'];

interface Found {
  readonly source: number;
  readonly local: number;
  readonly remote: number;
  readonly to: string;
  readonly state: number;
  readonly hasOwner: boolean;
}

async function list(dump: SocketDump, isFiltered: boolean, sources: readonly string[] = SOURCES): Promise<Found[]> {
  const found: Found[] = [];
  const { sockets, isComplete } = await dump.dump({ sources, states: ALL, families: [4], isFiltered }, (batch) => {
    for (let i = 0; i < batch.count; i++)
      found.push({
        source: batch.source[i]!,
        local: batch.localPort[i]!,
        remote: batch.remotePort[i]!,
        to: [...batch.remote.subarray(i * 16, i * 16 + 4)].join('.'),
        state: batch.state[i]!,
        hasOwner: batch.inode[i] !== 0,
      });
  });
  if (!isComplete || sockets !== found.length) throw new Error(`${sockets} sockets, ${found.length} seen`);
  return found;
}

async function pair(
  t: Tap,
  host: string,
  localAddress: string,
): Promise<[client: net.Socket, server: net.Socket, port: number]> {
  const listener = net.createServer().listen(0, host);
  await once(listener, 'listening');
  const { port } = listener.address() as net.AddressInfo;
  const client = net.connect({ host: '127.0.0.1', port, localAddress });
  const [[server]] = (await Promise.all([once(listener, 'connection'), once(client, 'connect')])) as [
    [net.Socket],
    unknown,
  ];
  t.teardown(() => {
    client.destroy();
    server.destroy();
    listener.close();
  });
  return [client, server, port];
}

type Tap = Pick<typeof t, 'teardown'>;

function open(t: Tap): SocketDump {
  const dump = openSocketDump();
  t.teardown(() => dump.close());
  return dump;
}

for (const isFiltered of [true, false])
  t.test(`the kernel's sockets on loopback, ${isFiltered ? 'filtered' : 'unfiltered'}`, async (t) => {
    const dump = open(t);
    const [client, server, port] = await pair(t, '127.0.0.1', SOURCES[1]!);
    const { localPort } = client;
    const listener = net.createServer().listen(0, SOURCES[0]);
    await once(listener, 'listening');
    t.teardown(() => void listener.close());
    const found = await list(dump, isFiltered);
    const own = found.filter(({ source, local }) => source === 1 && local === localPort);
    t.strictSame(own, [
      { source: 1, local: localPort, remote: port, to: '127.0.0.1', state: ESTABLISHED, hasOwner: true },
    ]);
    const listening = found.filter(({ source, state }) => source === 0 && state === LISTEN);
    t.strictSame(
      listening.map(({ local }) => local),
      [(listener.address() as net.AddressInfo).port],
    );
    t.equal(
      found.some(({ local, source }) => local === port && source === 65_535),
      !isFiltered,
      'the other end belongs to no source',
    );

    server.resume();
    client.resume();
    client.end();
    await once(client, 'close');
    const deadline = performance.now() + 5000;
    for (;;) {
      const state = (await list(dump, isFiltered)).find(({ local, source }) => source === 1 && local === localPort);
      if (state?.state === TIME_WAIT || performance.now() > deadline) {
        t.equal(state?.state, TIME_WAIT);
        t.equal(state?.hasOwner, false);
        break;
      }
    }
  });

t.test('the accepted end of a dual-stack listener is IPv4', async (t) => {
  const dump = open(t);
  const [client, , port] = await pair(t, '::', '127.8.0.1');
  const found = await list(dump, true, ['127.0.0.1']);
  t.strictSame(
    found.filter(({ local, state }) => local === port && state === ESTABLISHED),
    [{ source: 0, local: port, remote: client.localPort, to: '127.8.0.1', state: ESTABLISHED, hasOwner: true }],
  );
});

t.test('dumps started together run one after the other', async (t) => {
  const dump = open(t);
  const [client] = await pair(t, '127.0.0.1', SOURCES[0]!);
  const results = await Promise.all([list(dump, true), list(dump, false), list(dump, true)]);
  for (const found of results) t.ok(found.some(({ local }) => local === client.localPort));
});

t.test('a namespace of its own has sockets of its own', async (t) => {
  const module = fileURLToPath(new URL('../../../lb/netlink/socket-dump.js', import.meta.url));
  const script = `const net = require('node:net');
    require('node:child_process').execFileSync('ip', ['link', 'set', 'lo', 'up']);
    import(${JSON.stringify(module)}).then(({ openSocketDump }) => net.createServer().listen(4321, '127.0.0.1', async () => {
      const dump = openSocketDump();
      const ports = [];
      const result = await dump.dump({ sources: ['127.0.0.1'], states: 4095, families: [4, 6] }, (batch) => ports.push(...batch.localPort.subarray(0, batch.count)));
      console.log(JSON.stringify({ ...result, ports }));
      process.exit(0);
    }));`;
  const child = spawnSync('unshare', ['-rn', process.execPath, '-e', script], { encoding: 'utf8' });
  if (child.status !== 0 && /unshare/.test(child.stderr ?? 'unshare')) {
    t.pass(`skipped: this user may make no network namespace: ${child.stderr}`);
    return;
  }
  t.equal(child.status, 0, child.stderr);
  t.strictSame(JSON.parse(child.stdout), { sockets: 1, isComplete: true, ports: [4321] });
});

/** Answers nothing by itself. */
class FakeSocket extends EventEmitter {
  readonly sent: Buffer[] = [];
  isClosed = false;

  send(message: Uint8Array | Uint8Array[], _options: unknown, callback?: (error?: never) => void): void {
    this.sent.push(message as Buffer);
    callback?.();
  }

  close(): void {
    this.isClosed = true;
  }

  /** To the request sent last. */
  answer(type: number, value: number, flags = 2): void {
    const bytes = Buffer.alloc(20);
    bytes.writeUInt32LE(20, 0);
    bytes.writeUInt16LE(type, 4);
    bytes.writeUInt16LE(flags, 6);
    bytes.writeUInt32LE(this.sent.at(-1)!.readUInt32LE(8), 8);
    bytes.writeInt32LE(value, 16);
    this.emit('message', bytes, { port: 0, groups: 0 });
  }
}

/** `families: [6]` takes one pass. */
async function faulty(): Promise<[FakeSocket, SocketDump, ReturnType<SocketDump['dump']>]> {
  const socket = new FakeSocket();
  const dump = new NetlinkSocketDump(socket as unknown as DumpSocket);
  const result = dump.dump({ sources: ['::1'], states: ALL, families: [6] }, () => {});
  result.catch(() => {});
  while (socket.sent.length === 0) await null;
  return [socket, dump, result];
}

t.test('faults', async (t) => {
  t.test('interrupted', async (t) => {
    const [socket, , result] = await faulty();
    socket.answer(3, 0, 0x12);
    t.strictSame(await result, { sockets: 0, isComplete: false });
  });
  t.test('messages lost', async (t) => {
    const [socket, , result] = await faulty();
    socket.emit('error', Object.assign(new Error('lost'), { code: 'ENOBUFS' }));
    socket.answer(3, 0);
    t.strictSame(await result, { sockets: 0, isComplete: false });
  });
  t.test('NLMSG_ERROR, and the next dump goes on', async (t) => {
    const [socket, dump, result] = await faulty();
    socket.answer(2, -22);
    await t.rejects(result, { code: 'EINVAL', source: 'local', retryable: false });
    const next = dump.dump({ sources: [], states: ALL, families: [6] }, () => {});
    while (socket.sent.length === 1) await null;
    socket.answer(3, 0);
    t.strictSame(await next, { sockets: 0, isComplete: true });
  });
  t.test('no tcp_diag', async (t) => {
    const socket = new FakeSocket();
    const dump = new NetlinkSocketDump(socket as unknown as DumpSocket);
    const result = dump.dump({ sources: [], states: ALL, families: [4] }, () => {});
    result.catch(() => {});
    while (socket.sent.length === 0) await null;
    socket.answer(2, -2);
    await t.rejects(result, { code: 'NO_SOCK_DIAG' });
  });
  t.test('truncated', async (t) => {
    const [socket, , result] = await faulty();
    socket.emit('truncatedMessage', Buffer.alloc(8), { port: 0, groups: 0, truncated: 100 });
    await t.rejects(result, { code: 'BAD_MESSAGE' });
  });
  t.test('not netlink', async (t) => {
    const [socket, , result] = await faulty();
    socket.emit('message', Buffer.alloc(5, 1), { port: 0, groups: 0 });
    await t.rejects(result, { code: 'BAD_MESSAGE' });
  });
  t.test('closed', async (t) => {
    const [socket, dump, result] = await faulty();
    dump.close();
    dump.close();
    t.ok(socket.isClosed);
    await t.rejects(result, { code: 'CLOSED' });
    await t.rejects(
      dump.dump({ sources: [], states: ALL, families: [4] }, () => {}),
      { code: 'CLOSED' },
    );
  });
});

t.test('what onBatch throws rejects', async (t) => {
  const dump = open(t);
  const [client] = await pair(t, '127.0.0.1', SOURCES[0]!);
  const thrown = new Error('enough');
  await t.rejects(
    dump.dump({ sources: SOURCES, states: ALL, families: [4] }, () => {
      throw thrown;
    }),
    thrown,
  );
  t.ok(
    (await list(dump, true)).some(({ local }) => local === client.localPort),
    'and the next dump is whole',
  );
});
