// Opens WebSockets from one address and holds them. Arguments: target address, port, local address, count.
import net from 'node:net';

export type HolderEvent =
  | { readonly type: 'progress'; readonly open: number; readonly failed: number; readonly broken: number }
  | { readonly type: 'opened'; readonly open: number; readonly failures: Readonly<Record<string, number>> }
  | { readonly type: 'closed' };

const [host, portText, localAddress, countText] = process.argv.slice(2) as [string, string, string, string];
const count = Number(countText);
const HANDSHAKE = Buffer.from(
  'GET /ws HTTP/1.1\r\nHost: scale\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
);
const AT_ONCE = 32;
const REPORT_MS = 1000;
const HANDSHAKE_MS = 60_000;

const sockets = new Set<net.Socket>();
const failures: Record<string, number> = {};
let failed = 0;
let broken = 0;
let isClosing = false;

const tell = (event: HolderEvent): void => void process.send?.(event);

/** Resolves when it is open or has failed. */
function open(): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect({ port: Number(portText), host, localAddress });
    let reason = 'closed during the handshake';
    let isOpen = false;
    socket.setTimeout(HANDSHAKE_MS, () => {
      reason = 'no answer within 60 s';
      socket.destroy();
    });
    let head = '';
    socket.on('data', (data: Buffer) => {
      if (isOpen) return;
      head += data.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      if (head.startsWith('HTTP/1.1 101')) {
        isOpen = true;
        socket.setTimeout(0);
        sockets.add(socket);
        resolve();
      } else {
        reason = head.split('\r\n')[0]!;
        socket.destroy();
      }
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.code ?? error.message;
    });
    socket.on('close', () => {
      if (isOpen) {
        sockets.delete(socket);
        if (!isClosing) broken++;
      } else {
        failed++;
        failures[reason] = (failures[reason] ?? 0) + 1;
        resolve();
      }
    });
    socket.write(HANDSHAKE);
  });
}

let started = 0;
async function openInTurn(): Promise<void> {
  while (started < count) {
    started++;
    await open();
  }
}

process.on('message', () => {
  isClosing = true;
  for (const socket of sockets) socket.end();
  const waiting = setInterval(() => {
    if (sockets.size > 0) return;
    clearInterval(waiting);
    tell({ type: 'closed' });
  }, 50);
});
process.on('disconnect', () => process.exit(0));

setInterval(() => tell({ type: 'progress', open: sockets.size, failed, broken }), REPORT_MS);
await Promise.all(Array.from({ length: AT_ONCE }, openInTurn));
tell({ type: 'opened', open: sockets.size, failures });
