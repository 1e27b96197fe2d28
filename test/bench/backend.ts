// The servers that every balancer of the comparison forwards to: one uWebSockets.js process each.
// Arguments: a port, and the addresses of 127.0.0.0/8 to listen on, with commas (127.0.0.1); certificate and key, for TLS.
import { loadUws } from '../../src/worker/uws.ts';

const uws = loadUws();
uws._cfg('999999990007');
const bodies = new Map([1024, 65_536, 1_048_576].map((size) => [size, Buffer.alloc(size, 'x')]));
const [, , , , cert, key] = process.argv;
const app = (
  cert === undefined || key === undefined ? uws.App() : uws.SSLApp({ cert_file_name: cert, key_file_name: key })
)
  .get('/bytes/:size', (response, request) => {
    const body = bodies.get(Number(request.getParameter(0)));
    response.writeHeader('Content-Type', 'application/octet-stream');
    if (body === undefined) response.end();
    else send(response, body);
  })
  .ws('/ws', {
    idleTimeout: 0,
    sendPingsAutomatically: false,
    message: (socket, message, isBinary) => void socket.send(message, isBinary),
  })
  .any('/*', (response) => {
    response.writeHeader('Content-Type', 'text/plain').end('hello world');
  });
const port = Number(process.argv[2]);
const hosts = (process.argv[3] ?? '127.0.0.1').split(',');
let listening = 0;
for (const host of hosts) {
  app.listen(host, port, (socket) => {
    if (socket === false) throw new Error(`port ${port} of ${host} is in use`);
    listening++;
    if (listening === hosts.length) process.send?.('ready');
  });
}
process.on('disconnect', () => process.exit(0));

type Response = Parameters<Parameters<ReturnType<typeof uws.App>['get']>[1]>[0];

/** As much as the socket takes, the rest when it drains. */
function send(response: Response, body: Buffer): void {
  let isGone = false;
  response.onAborted(() => {
    isGone = true;
  });
  // An answer that the socket does not take at once counts as open, and an open one without this handler ends the process.
  response.onWritable((offset) => isGone || response.tryEnd(body.subarray(offset), body.length)[0]);
  response.tryEnd(body, body.length);
}
