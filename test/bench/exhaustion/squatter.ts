// A program that holds ports of a source towards a destination. Arguments: source address, first port, count, target address, port.
import { holdWebSocket } from '../load/held-web-socket.ts';

const [localAddress, first, count, host, port] = process.argv.slice(2) as [string, string, string, string, string];
await Promise.all(
  Array.from({ length: Number(count) }, async (_, i) => {
    const localPort = Number(first) + i;
    const held = await holdWebSocket({ host, port: Number(port), localAddress, localPort, timeoutMs: 10_000 });
    if (typeof held === 'string') throw new Error(held);
  }),
);
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
