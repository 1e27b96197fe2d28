import net from 'node:net';

export const GIB = 1 << 30;
const PART = Buffer.alloc(1 << 18, 'x');
/** A slow reader takes this much, then rests: some 100 MiB/s, far below what a sender can do. */
const SIP_BYTES = 1 << 20;
const REST_MS = 10;
const TIMEOUT_MS = 120_000;

/** Writes `bytes` as fast as the socket takes them. */
function pour(socket: net.Socket, bytes: number): void {
  let left = bytes;
  const push = (): void => {
    while (left > 0 && !socket.destroyed) {
      const part = left < PART.length ? PART.subarray(0, left) : PART;
      left -= part.length;
      if (!socket.write(part)) {
        socket.once('drain', push);
        return;
      }
    }
  };
  push();
}

/** Pauses `socket` after each sip of the bytes it is told of. */
function sipper(socket: net.Socket): (bytes: number) => void {
  let sinceRest = 0;
  return (bytes) => {
    sinceRest += bytes;
    if (sinceRest < SIP_BYTES) return;
    sinceRest = 0;
    socket.pause();
    setTimeout(() => socket.resume(), REST_MS);
  };
}

/** Answers GET with 1 GiB, and PUT of 1 GiB with 2 bytes once it has come; PUT of `/slow` it reads slowly. */
export function serveOneGib(port: number): Promise<net.Server> {
  const server = net.createServer((socket) => {
    let left = 0;
    let sip: ((bytes: number) => void) | undefined;
    socket.on('error', () => {});
    socket.on('data', (data) => {
      let bytes = data.length;
      if (left === 0) {
        const head = data.toString('latin1');
        if (head.startsWith('GET ')) {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${GIB}\r\n\r\n`);
          pour(socket, GIB);
          return;
        }
        left = GIB;
        sip = head.startsWith('PUT /slow') ? sipper(socket) : undefined;
        bytes -= head.indexOf('\r\n\r\n') + 4;
      }
      left -= bytes;
      if (left === 0) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      else sip?.(bytes);
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

/** Resolves with the seconds it took; rejects when anything else than a 200 with its whole body comes, or nothing for long. */
export function transferOneGib(port: number, direction: 'up' | 'down', isSlow: boolean): Promise<number> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    const timer = setTimeout(() => fail('took too long'), TIMEOUT_MS);
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve((performance.now() - started) / 1000);
    };
    const fail = (why: string): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new Error(`1 GiB ${direction} through port ${port}: ${why}`));
    };
    const sip = direction === 'down' && isSlow ? sipper(socket) : undefined;
    let head = '';
    let left = -1;
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('closed too early'));
    socket.on('data', (data) => {
      let bytes = data.length;
      if (left < 0) {
        const before = head.length;
        head += data.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!head.startsWith('HTTP/1.1 200')) return fail(head.slice(0, end));
        left = direction === 'down' ? GIB : 2;
        bytes -= end + 4 - before;
      }
      left -= bytes;
      if (left === 0) finish();
      else sip?.(bytes);
    });
    if (direction === 'down') {
      socket.write('GET / HTTP/1.1\r\nHost: bench\r\n\r\n');
    } else {
      socket.write(`PUT ${isSlow ? '/slow' : '/'} HTTP/1.1\r\nHost: bench\r\nContent-Length: ${GIB}\r\n\r\n`);
      pour(socket, GIB);
    }
  });
}
