// Opens WebSockets with raw sockets, so that the load costs little beside what it measures.
// Arguments: port, number of connections. Speaks the messages of `websockets.ts` with its parent.
import net from 'node:net';
import type { ClientCommand, ClientEvent } from './websockets.ts';

const [port, count] = process.argv.slice(2).map(Number) as [number, number];
const HANDSHAKE =
  'GET /ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';
const TEXT = Buffer.from('0123456789abcdef');
/** A text frame, masked with zeros. */
const FRAME = Buffer.concat([Buffer.from([0x81, 0x80 | TEXT.length, 0, 0, 0, 0]), TEXT]);
/** Servers do not mask. */
const ECHO = Buffer.concat([Buffer.from([0x81, TEXT.length]), TEXT]);
/** Sockets that are opened at the same time. */
const AT_ONCE = 64;
/** The kernel has some 28,000 ports of its own choice for one address. */
const PER_ADDRESS = 4000;

const sockets: net.Socket[] = [];
let messages = 0;
let broken = 0;
let isEchoing = false;

const tell = (event: ClientEvent): void => void process.send?.(event);

function open(index: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const localAddress = `127.0.3.${1 + Math.floor(index / PER_ADDRESS)}`;
    const socket = net.connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
    let head = '';
    const onHead = (data: Buffer): void => {
      head += data.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', onHead);
      if (!head.startsWith('HTTP/1.1 101')) reject(new Error(head.split('\r\n')[0]));
      listen(socket);
      resolve(socket);
    };
    socket.on('data', onHead);
    socket.on('error', reject);
    socket.once('close', () => {
      broken++;
      reject(new Error('closed during the handshake'));
    });
    socket.write(HANDSHAKE);
  });
}

/** Each echo brings the next message; anything else than the echo ends the load with an error. */
function listen(socket: net.Socket): void {
  let parts: Buffer[] = [];
  let length = 0;
  socket.on('data', (data: Buffer) => {
    if (parts.length === 0 && data.equals(ECHO)) {
      next(socket);
      return;
    }
    parts.push(data);
    length += data.length;
    if (length < ECHO.length) return;
    if (!Buffer.concat(parts).equals(ECHO)) throw new Error('the echo is not what was sent');
    parts = [];
    length = 0;
    next(socket);
  });
}

function next(socket: net.Socket): void {
  messages++;
  if (isEchoing) socket.write(FRAME);
}

process.on('message', (command: ClientCommand) => {
  if (command.type === 'check') {
    tell({ type: 'checked', open: sockets.length - broken });
    return;
  }
  const started = performance.now();
  messages = 0;
  isEchoing = true;
  for (const socket of sockets) socket.write(FRAME);
  setTimeout(() => {
    isEchoing = false;
    tell({ type: 'echoed', messages, broken, seconds: (performance.now() - started) / 1000 });
  }, command.seconds * 1000);
});
process.on('disconnect', () => process.exit(0));

for (let i = 0; i < count; i += AT_ONCE) {
  sockets.push(...(await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - i) }, (_, k) => open(i + k)))));
}
tell({ type: 'opened' });
