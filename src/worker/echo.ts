import { type HttpResponse, serve } from './index.ts';

// The worker that ships with Portico (`module: builtin:echo`): something to try, to test with and to measure.

const decoder = new TextDecoder();
const MAX_BYTES = 64 * 1024 * 1024;

/** As much as the socket takes, the rest when it drains. */
function sendBytes(response: HttpResponse, body: Buffer): void {
  let isGone = false;
  response.onAborted(() => {
    isGone = true;
  });
  response.onWritable((offset) => isGone || response.tryEnd(body.subarray(offset), body.length)[0]);
  response.writeHeader('Content-Type', 'application/octet-stream').tryEnd(body, body.length);
}

await serve((app) => {
  app.get('/bytes/:count', (response, request) => {
    const count = Number(request.getParameter(0));
    if (!Number.isInteger(count) || count < 0 || count > MAX_BYTES)
      response.writeStatus('400 Bad Request').end('a number of bytes\n');
    else sendBytes(response, Buffer.alloc(count, 'p'));
  });
  app.post('/*', (response, request) => {
    const type = request.getHeader('content-type');
    const parts: Buffer[] = [];
    let isGone = false;
    response.onAborted(() => {
      isGone = true;
    });
    response.onData((part, isLast) => {
      // uWebSockets.js takes the memory back when this returns.
      parts.push(Buffer.from(Buffer.from(part)));
      if (!isLast || isGone) return;
      response.cork(() => {
        if (type !== '') response.writeHeader('Content-Type', type);
        response.end(Buffer.concat(parts));
      });
    });
  });
  app.ws('/*', {
    maxPayloadLength: MAX_BYTES,
    maxBackpressure: MAX_BYTES,
    idleTimeout: 0,
    sendPingsAutomatically: false,
    message: (socket, message, isBinary) => void socket.send(message, isBinary),
  });
  app.any('/*', (response, request) => {
    const url = request.getUrl();
    const from = decoder.decode(response.getRemoteAddressAsText());
    const client = request.getHeader('x-forwarded-for');
    response.writeHeader('Content-Type', 'text/plain; charset=utf-8');
    response.end(`Hello from worker ${process.pid}: ${url} asked by ${client || 'no proxy'}, reached from ${from}\n`);
  });
});
