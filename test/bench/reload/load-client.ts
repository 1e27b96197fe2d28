// Clients on kept-alive connections that ask without a pause, and WebSockets that are held. Every answer is looked at; nothing is tried twice.
// Arguments: port, number of clients. Speaks the messages of `checked-load.ts` with its parent.
import http from 'node:http';
import net from 'node:net';
import type { LoadCommand, LoadEvent } from './checked-load.ts';

const [port, clients] = process.argv.slice(2).map(Number) as [number, number];
const HANDSHAKE =
  'GET /ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';

const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
const failures = new Map<string, number>();
let requests = 0;
let lostWebSockets = 0;
let isOver = false;

const tell = (event: LoadEvent): void => void process.send?.(event);

function fail(why: string): void {
  failures.set(why, (failures.get(why) ?? 0) + 1);
}

function ask(): Promise<void> {
  return new Promise((resolve) => {
    requests++;
    const failed = (why: string): void => {
      fail(why);
      // Who is refused at once would ask thousands of times a second.
      setTimeout(resolve, 5);
    };
    const request = http.get({ port, host: '127.0.0.1', agent }, (response) => {
      let body = '';
      response.on('data', (data) => {
        body += data;
      });
      response.on('end', () => {
        if (response.statusCode === 200 && body === 'hello world') resolve();
        else failed(`status ${response.statusCode}`);
      });
      response.on('error', (error: NodeJS.ErrnoException) => failed(`answer ${error.code}`));
    });
    request.on('error', (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
  });
}

async function loop(): Promise<void> {
  while (!isOver) await ask();
}

function hold(): void {
  const socket = net.connect({ port, host: '127.0.0.1' });
  let isOpen = false;
  socket.on('data', (data: Buffer) => {
    if (!isOpen && data.toString('latin1').startsWith('HTTP/1.1 101')) {
      isOpen = true;
      tell({ type: 'held' });
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    if (isOver) return;
    lostWebSockets++;
    if (!isOpen) tell({ type: 'held' });
  });
  socket.write(HANDSHAKE);
}

process.on('message', ({ type }: LoadCommand) => {
  if (type === 'hold') hold();
  else tell({ type: 'counts', requests, failures: [...failures], lostWebSockets });
});
process.on('disconnect', () => {
  isOver = true;
  process.exit(0);
});
for (let i = 0; i < clients; i++) void loop();
tell({ type: 'held' });
