import t from 'tap';
import { loadTcpBinding, type TcpHandle } from '../../../lb/net/tcp-binding.ts';
import { TcpNetwork, type TcpStream } from '../../../lb/net/tcp-stream.ts';
import { FakeClock } from '../../fixtures/fake-clock.ts';
import { RawClient } from '../../fixtures/raw-client.ts';
import { startRawServer } from '../../fixtures/raw-server.ts';
import { startPlane } from '../../fixtures/running-plane.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const LARGE = Buffer.alloc(64 << 20, 'x');
const UNSENT_BYTES = 65_536;

class CountingNetwork extends TcpNetwork {
  writes = 0;
  bytes = 0;

  override write(stream: TcpStream, handle: TcpHandle, data: Uint8Array): number {
    this.writes++;
    this.bytes += data.length;
    return super.write(stream, handle, data);
  }
}

t.test(
  'an answer that its client does not read is written until the kernel has enough, and then no more',
  async (t) => {
    const clock = new FakeClock(1_000_000);
    const network = new CountingNetwork(loadTcpBinding(), { readBufferBytes: 65_536 });
    const server = await startRawServer((socket, data) => {
      if (!data.toString('latin1').includes('/large')) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        return;
      }
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE.length}\r\n\r\n`);
      socket.write(LARGE);
    });
    const plane = startPlane({
      servers: [{ port: server.port }],
      listener: { limits: { unsentBytes: UNSENT_BYTES } },
      clock,
      network,
    });
    t.teardown(async () => {
      plane.stop();
      await plane.allPortsBack();
      await server.close();
    });
    const slow = new RawClient(plane.port);
    slow.socket.pause();
    slow.send(GET.replace('/', '/large'));
    let { bytes } = network;
    for (let same = 0; same < 500; same++) {
      if (network.bytes !== bytes || bytes === 0) same = 0;
      ({ bytes } = network);
      await new Promise((resolve) => setImmediate(resolve));
    }
    t.ok(bytes < LARGE.length / 8, `${bytes} bytes were written`);
    const { writes } = network;
    for (let i = 0; i < 20; i++) {
      clock.advance(1000);
      const other = new RawClient(plane.port).send(GET);
      await other.until((received) => received.endsWith('ok'));
      other.close();
    }
    // Each of the others takes one write to the server and one to the client.
    t.equal(network.writes - writes, 40, 'nothing was tried again');
    slow.close();
  },
);
