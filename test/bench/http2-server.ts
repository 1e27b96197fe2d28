// The least that a front on node:http2 can do: an answer of 11 bytes to every request, without a look at it.
// Argument: a port of 127.0.0.1.
import { createServer } from 'node:http2';

const BODY = Buffer.from('hello world');
const server = createServer();
server.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'text/plain', 'content-length': BODY.length });
  stream.end(BODY);
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => process.send?.('ready'));
process.on('disconnect', () => process.exit(0));
