import { once } from 'node:events';
import net from 'node:net';
import t from 'tap';
import { loadTcpBinding } from '../../../lb/net/tcp-binding.ts';
import { TcpNetwork, type TcpStream } from '../../../lb/net/tcp-stream.ts';

const owner = { onRead() {}, onEnd() {}, onError() {}, onDrained() {} };

t.test('a reset closes the socket also where the end of what was written is still on its way', async (t) => {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const network = new TcpNetwork(loadTcpBinding(), { readBufferBytes: 1024 });
  for (const writes of [false, true]) {
    const accepted = once(server, 'connection') as Promise<[net.Socket]>;
    const stream = await new Promise<TcpStream>((resolve) => {
      network.connect({ address: '127.0.0.1', port: 0 }, '127.0.0.1', port, owner, (stream) => resolve(stream!));
    });
    const [peer] = await accepted;
    // More than the kernel takes.
    if (writes) for (let i = 0; i < 64; i++) stream.write(Buffer.alloc(1 << 20));
    stream.end();
    t.equal(stream.reset(), false, 'it says so, as the port goes into TIME_WAIT then');
    t.notOk(stream.isOpen);
    peer.on('error', () => {});
    peer.resume();
    await once(peer, 'end');
    peer.destroy();
  }
  server.close();
});
