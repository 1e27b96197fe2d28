// A server of the laboratory: `backend-main HOST PORT`. Answers as `question.ts` says, echoes WebSockets after a greeting that says who it is, and
// does by its parent's messages what servers do on bad days.
import http from 'node:http';
import type net from 'node:net';
import { WebSocketServer } from 'ws';
import { answerTo } from './question.ts';

export type BackendCommand = { readonly type: 'slow'; readonly ms: number } | { readonly type: 'reset' };

const [host = '', port = ''] = process.argv.slice(2);
const open = new Set<net.Socket>();
let delayMs = 0;

const server = http.createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (data: Buffer) => parts.push(data));
  request.on('end', () => {
    const isCheck = request.url === '/healthz';
    const answer = isCheck ? 'ok' : answerTo('servers', request.url!, Buffer.concat(parts).toString());
    if (isCheck || delayMs === 0) response.end(answer);
    else setTimeout(() => response.end(answer), delayMs);
  });
});
server.keepAliveTimeout = 0;
server.on('connection', (socket) => {
  open.add(socket);
  socket.on('close', () => open.delete(socket));
});
const webSockets = new WebSocketServer({ server });
webSockets.on('connection', (webSocket, request) => {
  webSocket.on('error', () => {});
  webSocket.on('message', (data) => webSocket.send(data.toString()));
  webSocket.send(`servers ${process.pid} ${request.socket.remoteAddress}`);
});
server.listen(Number(port), host, () => process.send?.('ready'));

process.on('message', (command: BackendCommand) => {
  if (command.type === 'slow') delayMs = command.ms;
  else for (const socket of open) socket.resetAndDestroy();
});
process.on('disconnect', () => process.exit(0));
