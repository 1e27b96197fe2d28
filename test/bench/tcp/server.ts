// The server behind the balancers of the TCP scenarios. Arguments: port, and an address other than 127.0.0.1. Sends back what it gets; a connection that starts with "p" gets
// bytes as fast as it takes them.
import { openListenSocket } from '../../../lb/net/listen-socket.ts';
import { loadTcpBinding } from '../../../lb/net/tcp-binding.ts';
import { TcpNetwork, type TcpStream } from '../../../lb/net/tcp-stream.ts';

const PART = Buffer.alloc(1 << 18, 'x');
const POUR = 'p'.charCodeAt(0);
const network = new TcpNetwork(loadTcpBinding(), { readBufferBytes: 65_536 });
const { handle } = openListenSocket(network.binding, process.argv[3] ?? '127.0.0.1', Number(process.argv[2]));

handle.onconnection = (_status, client) => {
  let isPouring = false;
  // Other streams get their turn, and the end of this one is noticed.
  const pour = (): void => {
    if (!stream.isOpen) return;
    if (stream.write(PART)) setImmediate(pour);
  };
  const stream: TcpStream = network.adopt(client, {
    onRead: (buffer, length) => {
      if (isPouring) return;
      if (buffer[0] === POUR) {
        isPouring = true;
        pour();
      } else {
        stream.write(Buffer.copyBytesFrom(buffer, 0, length));
      }
    },
    onEnd: () => stream.close(),
    onError: () => stream.close(),
    onDrained: () => {
      if (isPouring) pour();
    },
  });
  stream.resume();
};
handle.listen(4096);
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
