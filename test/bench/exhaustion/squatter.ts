// A program that holds ports of a source towards a destination. Arguments: source address, first port, count, target address, port.
// Asked by a message, it says how many of its connections still carry an echo.
import type net from 'node:net';
import { holdWebSocket } from '../load/held-web-socket.ts';

const ECHO_MS = 3000;
/** An empty text message, masked with zeros (RFC 6455 §5.2). */
const EMPTY_MESSAGE = Buffer.from([0x81, 0x80, 0, 0, 0, 0]);

const [localAddress, first, count, host, port] = process.argv.slice(2) as [string, string, string, string, string];
const held = await Promise.all(
  Array.from({ length: Number(count) }, async (_, i): Promise<net.Socket> => {
    const localPort = Number(first) + i;
    const socket = await holdWebSocket({ host, port: Number(port), localAddress, localPort, timeoutMs: 10_000 });
    if (typeof socket === 'string') throw new Error(socket);
    return socket;
  }),
);

function echoes(socket: net.Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isAlive: boolean) => (): void => {
      clearTimeout(timer);
      resolve(isAlive);
    };
    const timer = setTimeout(settle(false), ECHO_MS);
    socket.once('data', settle(true)).once('close', settle(false));
    socket.write(EMPTY_MESSAGE);
  });
}

process.on('message', async () => {
  const alive = await Promise.all(held.map(echoes));
  process.send?.(alive.filter(Boolean).length);
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
