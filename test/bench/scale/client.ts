// Opens WebSockets from one address and holds them. Arguments: target address, port, local address, count.
import type net from 'node:net';
import { holdWebSocket } from '../load/held-web-socket.ts';

export type HolderEvent =
  | { readonly type: 'progress'; readonly open: number; readonly failed: number; readonly broken: number }
  | { readonly type: 'opened'; readonly open: number; readonly failures: Readonly<Record<string, number>> }
  | { readonly type: 'closed' };

const [host, portText, localAddress, countText] = process.argv.slice(2) as [string, string, string, string];
const count = Number(countText);
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
async function open(): Promise<void> {
  const socket = await holdWebSocket({ host, port: Number(portText), localAddress, timeoutMs: HANDSHAKE_MS });
  if (typeof socket === 'string') {
    failed++;
    failures[socket] = (failures[socket] ?? 0) + 1;
    return;
  }
  sockets.add(socket);
  socket.on('close', () => {
    sockets.delete(socket);
    if (!isClosing) broken++;
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
