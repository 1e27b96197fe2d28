// One of the processes behind the one destination, all on the same port with SO_REUSEPORT. Arguments: address, port.
import { loadUws } from '../../../src/worker/uws.ts';

const [host, port] = process.argv.slice(2) as [string, string];
loadUws()
  .App()
  .ws('/*', {
    idleTimeout: 0,
    sendPingsAutomatically: false,
    message: (socket, message, isBinary) => void socket.send(message, isBinary),
  })
  .listen(host, Number(port), (socket) => {
    if (socket === false) throw new Error(`cannot listen on ${host}:${port}`);
    process.send?.('ready');
  });
process.on('disconnect', () => process.exit(0));
