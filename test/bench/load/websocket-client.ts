// Opens WebSockets with raw sockets, so that the load costs little beside what it measures.
// Arguments: port, number of connections, seconds of echo load (0: stay idle until the parent leaves).
import net from 'node:net';

const [port, count, seconds] = process.argv.slice(2).map(Number) as [number, number, number];
const HANDSHAKE =
  'GET /ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';
/** A text frame of 16 bytes, masked with zeros. */
const FRAME = Buffer.concat([Buffer.from([0x81, 0x90, 0, 0, 0, 0]), Buffer.from('0123456789abcdef')]);
/** Its echo is not masked. */
const ECHO_BYTES = FRAME.length - 4;
/** Sockets that are opened at the same time. */
const AT_ONCE = 64;
/** One address reaches the balancer at most some 28,000 times. */
const PER_ADDRESS = 4000;

let messages = 0;

function open(index: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({
      port,
      host: '127.0.0.1',
      localAddress: `127.0.3.${1 + Math.floor(index / PER_ADDRESS)}`,
      noDelay: true,
    });
    let head = '';
    const onHead = (data: Buffer): void => {
      head += data.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', onHead);
      if (head.startsWith('HTTP/1.1 101')) resolve(socket);
      else reject(new Error(head.split('\r\n')[0]));
    };
    socket.on('data', onHead);
    socket.on('error', reject);
    socket.write(HANDSHAKE);
  });
}

const sockets: net.Socket[] = [];
for (let i = 0; i < count; i += AT_ONCE) {
  sockets.push(...(await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - i) }, (_, k) => open(i + k)))));
}
process.send?.({ opened: sockets.length });
if (seconds > 0) {
  for (const socket of sockets) {
    let due = ECHO_BYTES;
    socket.on('data', (data) => {
      due -= data.length;
      if (due > 0) return;
      due += ECHO_BYTES;
      messages++;
      socket.write(FRAME);
    });
    socket.write(FRAME);
  }
  setTimeout(() => process.send?.({ messages }, () => process.exit(0)), seconds * 1000);
}
process.on('disconnect', () => process.exit(0));
