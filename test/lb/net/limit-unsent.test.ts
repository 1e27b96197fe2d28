import { once } from 'node:events';
import net from 'node:net';
import t from 'tap';
import { loadLimitUnsent } from '../../../lb/net/limit-unsent.ts';
import { openListenSocket } from '../../../lb/net/listen-socket.ts';
import { loadTcpBinding, type TcpHandle } from '../../../lb/net/tcp-binding.ts';

const LARGE_BYTES = 8 << 20;
const binding = loadTcpBinding();

/** How much of a large write the kernel takes for a client that reads nothing, on a connection accepted under that limit. */
async function taken(unsentBytes: number): Promise<number> {
  const socket = openListenSocket(binding, '127.0.0.1', 0);
  if (!loadLimitUnsent()(socket.handle, unsentBytes)) throw new Error('the limit is not set');
  const accepted = new Promise<TcpHandle>((resolve) => {
    socket.handle.onconnection = (_status, client) => resolve(client);
  });
  socket.handle.listen(1);
  const client = net.connect(socket.port, '127.0.0.1').pause();
  const [handle] = await Promise.all([accepted, once(client, 'connect')]);
  const request = new binding.WriteRequest();
  request.oncomplete = () => {};
  request.buffer = Buffer.alloc(LARGE_BYTES);
  handle.writeBuffer(request, request.buffer);
  const left = handle.writeQueueSize;
  handle.close();
  socket.close();
  client.destroy();
  return LARGE_BYTES - left;
}

t.test('an accepted connection takes no more than it can send, and so much', async (t) => {
  const [little, much] = [await taken(16_384), await taken(Number.POSITIVE_INFINITY)];
  // Besides it there is what the client's own buffer has room for, a different amount on each machine.
  t.ok(little < much / 2, `${little} bytes with a limit of 16 KiB, ${much} without`);
});
