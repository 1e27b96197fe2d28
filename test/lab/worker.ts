// The worker of the laboratory: answers as `question.ts` says, and echoes WebSockets after a greeting that says who it is.
import { serve } from '../../src/worker/index.ts';
import { answerTo } from './question.ts';

const decoder = new TextDecoder();

await serve((app) => {
  app.ws('/w/ws', {
    idleTimeout: 0,
    sendPingsAutomatically: false,
    open: (socket) => void socket.send(`workers ${process.pid} ${decoder.decode(socket.getRemoteAddressAsText())}`),
    message: (socket, message) => void socket.send(message),
  });
  app.get('/*', (response, request) => void response.end(answerTo('workers', request.getUrl(), '')));
  app.post('/*', (response, request) => {
    const path = request.getUrl();
    const parts: Buffer[] = [];
    let isGone = false;
    response.onAborted(() => {
      isGone = true;
    });
    response.onData((part, isLast) => {
      // uWebSockets.js takes the memory back when this returns.
      parts.push(Buffer.from(Buffer.from(part)));
      if (isLast && !isGone)
        response.cork(() => response.end(answerTo('workers', path, Buffer.concat(parts).toString())));
    });
  });
});
