// A server with a known capacity: so many requests at once, each for so long; more wait in it, first in first out, as in a pool of threads
// or of connections to a database. It goes on working for clients that have left. Arguments: port, slots, milliseconds.
import http, { type ServerResponse } from 'node:http';

const [port, slots, serviceMs] = process.argv.slice(2).map(Number) as [number, number, number];
const waiting: ServerResponse[] = [];
let running = 0;

function next(): void {
  while (running < slots && waiting.length > 0) {
    const response = waiting.shift()!;
    running++;
    setTimeout(() => {
      running--;
      response.end('hello world');
      next();
    }, serviceMs);
  }
}

http
  .createServer({ keepAliveTimeout: 0 }, (_request, response) => {
    waiting.push(response);
    next();
  })
  .listen(port, '127.0.0.1', 4096, () => process.send?.('ready'));
process.on('disconnect', () => process.exit(0));
