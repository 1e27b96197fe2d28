import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { type Channel, openChannel } from '../../../lb/control/channel.ts';
import { encodeFrame, FrameReader } from '../../../lb/control/frames.ts';
import { MeetingPoint } from '../../../lb/control/meeting-point.ts';
import { openListenSocket } from '../../../lb/net/listen-socket.ts';
import { loadPipeBinding } from '../../../lb/net/pipe-binding.ts';
import { loadTcpBinding, type TcpHandle } from '../../../lb/net/tcp-binding.ts';

const binding = loadPipeBinding();

function pathFor(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'portico-channel-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  return join(directory, 'here.sock');
}

async function pair(t: Test): Promise<{ near: Channel; far: Channel }> {
  const path = pathFor(t);
  const point = new MeetingPoint(binding);
  const met = new Promise<Channel>((resolve) => point.listen(path, resolve));
  const near = await openChannel(binding, path);
  const far = await met;
  point.close();
  t.teardown(() => {
    near.close();
    far.close();
  });
  return { near, far };
}

const next = (channel: Channel): Promise<{ message: unknown; socket: TcpHandle | undefined }> =>
  new Promise((resolve) => {
    channel.onMessage = (message, socket) => resolve({ message, socket });
  });

t.test('messages are cut where they were put together, however they arrive', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.jsonValue(), fc.boolean()), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 40 }),
      (messages, sizes) => {
        const bytes = Buffer.concat(messages.map(([message, hasSocket]) => encodeFrame(message, hasSocket)));
        const reader = new FrameReader();
        const read: [unknown, boolean][] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length]!;
          for (const { message, hasSocket } of reader.read(bytes.subarray(at, at + size)))
            read.push([message, hasSocket]);
          at += size;
        }
        return JSON.stringify(read) === JSON.stringify(messages);
      },
    ),
  );
});

t.test('what is no message is refused', async (t) => {
  t.throws(() => [...new FrameReader().read(Buffer.alloc(16, 0xff))], { code: 'FRAME' });
  const bad = encodeFrame('x', false).fill(0, 5);
  t.throws(() => [...new FrameReader().read(bad)], { code: 'FRAME' });
});

t.test('messages go both ways, in order, whatever their size', async (t) => {
  const { near, far } = await pair(t);
  const sent = Array.from({ length: 20 }, (_, i) => ({ i, ports: new Uint16Array(i * 397).fill(i) }));
  const got: unknown[] = [];
  const all = new Promise<void>((resolve) => {
    far.onMessage = (message) => {
      if (got.push(message) === sent.length) resolve();
    };
  });
  for (const message of sent) near.send(message);
  await all;
  t.same(got, sent);
  const answer = next(near);
  far.send({ type: 'answer' });
  t.same((await answer).message, { type: 'answer' });
});

t.test('a listening socket goes there and back, and outlives whoever had it first', async (t) => {
  const { near, far } = await pair(t);
  const socket = openListenSocket(loadTcpBinding(), '127.0.0.1', 0);
  const there = next(far);
  near.send({ type: 'text' });
  t.equal((await there).socket, undefined);
  const withSocket = next(far);
  near.send({ type: 'socket' }, socket.handle);
  near.send({ type: 'after' });
  const { message, socket: received } = await withSocket;
  t.same(message, { type: 'socket' });
  socket.close();
  const back = next(near);
  far.send('back', received);
  const { socket: returned } = await back;
  received!.close();
  const accepted = new Promise<TcpHandle>((resolve) => {
    returned!.onconnection = (_status, client) => resolve(client);
  });
  t.equal(returned!.listen(1), 0);
  const client = net.connect(socket.port, '127.0.0.1');
  t.teardown(() => client.destroy());
  (await accepted).close();
  returned!.close();
});

t.test('the end of one side is told to the other, once', async (t) => {
  const { near, far } = await pair(t);
  let ends = 0;
  await new Promise<void>((resolve) => {
    near.onClose = () => {
      ends++;
      resolve();
    };
    far.close();
  });
  t.equal(near.isClosed, true);
  near.close();
  await new Promise<void>((resolve) => near.send('nobody hears it', undefined, resolve));
  t.equal(ends, 1);
});

t.test('what cannot be read ends the channel', async (t) => {
  const path = pathFor(t);
  const point = new MeetingPoint(binding);
  const ended = new Promise<void>((resolve) => {
    point.listen(path, (channel) => {
      channel.onClose = resolve;
    });
  });
  const socket = net.connect(path, () => socket.write(Buffer.alloc(16, 0xff)));
  await ended;
  socket.destroy();
  point.close();
});

t.test('nobody there is an error, and so is a path that is taken', async (t) => {
  const path = pathFor(t);
  await t.rejects(openChannel(binding, path), { code: 'ENOENT' });
  const point = new MeetingPoint(binding);
  point.listen(path, () => {});
  t.throws(() => new MeetingPoint(binding).listen(path, () => {}), { code: 'EADDRINUSE' });
  point.close();
  point.close();
});
