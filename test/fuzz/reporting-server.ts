// A server that tells in each answer what it read of the request. Arguments: `node` or `uws`. Sends its port to its parent, and the number
// of requests that it has read whenever it is asked.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadUws } from '../../src/worker/uws.ts';
import type { Reading } from './read-requests.ts';

let count = 0;

function report(reading: Reading): string {
  count++;
  return encodeURIComponent(JSON.stringify(reading));
}

if (process.argv[2] === 'uws') listenUws();
else listenNode();
process.on('message', () => process.send?.({ count }));
process.on('disconnect', () => process.exit(0));

function listenNode(): void {
  const server = http.createServer({ maxHeaderSize: 65_536, keepAliveTimeout: 0 }, (request, response) => {
    let body = '';
    request.on('data', (data: Buffer) => {
      body += data.toString('latin1');
    });
    request.on('error', () => {});
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      response.setHeader('X-Report', report({ method, target: url, host: headers.host ?? '', body }));
      response.end('ok');
    });
  });
  server.on('upgrade', (_request, socket) => socket.destroy());
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
}

function listenUws(): void {
  const uws = loadUws();
  uws
    .App()
    .any('/*', (response, request) => {
      let isGone = false;
      let body = '';
      const query = request.getQuery();
      const reading = {
        method: request.getCaseSensitiveMethod(),
        target: request.getUrl() + (query === undefined ? '' : `?${query}`),
        host: request.getHeader('host'),
      };
      response.onAborted(() => {
        isGone = true;
      });
      response.onData((data, isLast) => {
        body += Buffer.from(data).toString('latin1');
        if (!isLast || isGone) return;
        response.writeHeader('X-Report', report({ ...reading, body }));
        if (reading.method === 'HEAD') {
          // With a length, `endWithoutBody` takes the answer for unfinished, and the next request ends the connection (uWebSockets.js 20).
          response.writeHeader('Content-Length', '2');
          response.endWithoutBody();
        } else {
          response.end('ok');
        }
      });
    })
    .listen('127.0.0.1', 0, (socket) => {
      if (socket === false) throw new Error('no port');
      process.send?.({ port: uws.us_socket_local_port(socket) });
    });
}
