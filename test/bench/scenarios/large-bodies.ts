import net from 'node:net';
import { residentBytes } from '../process-usage.ts';
import type { Scenario } from '../scenarios.ts';
import { startHaproxy, startPortico } from '../subjects.ts';

const GIB = 1 << 30;
const PART = Buffer.alloc(1 << 18, 'x');
const SERVER_PORT = 7299;
/** A slow reader takes this much, then rests. */
const SIP_BYTES = 8 << 20;
const REST_MS = 10;

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

/** Answers GET with 1 GiB, and PUT of 1 GiB, read at its leisure, with 2 bytes. */
function serve(): Promise<net.Server> {
  const server = net.createServer((socket) => {
    let seen = -1;
    socket.on('error', () => {});
    socket.on('data', (data) => {
      if (seen < 0) {
        const text = data.toString('latin1');
        if (text.startsWith('GET ')) {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${GIB}\r\n\r\n`);
          pour(socket, GIB);
          return;
        }
        seen = data.length - text.indexOf('\r\n\r\n') - 4;
      } else {
        seen += data.length;
      }
      if (seen >= GIB) {
        seen = -1;
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      } else if (seen % SIP_BYTES < data.length) {
        socket.pause();
        setTimeout(() => socket.resume(), REST_MS);
      }
    });
  });
  return new Promise((resolve) => server.listen(SERVER_PORT, '127.0.0.1', () => resolve(server)));
}

/** One transfer through `port`; returns the largest resident memory of `pid` meanwhile, less what it was before. */
function transfer(port: number, pid: number, direction: 'up' | 'down', isSlow: boolean): Promise<number> {
  const before = residentBytes(pid);
  let most = before;
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    let received = 0;
    let samples = 0;
    const sampler = setInterval(() => {
      most = Math.max(most, residentBytes(pid));
    }, 20);
    const finish = (): void => {
      clearInterval(sampler);
      socket.destroy();
      resolve(most - before);
    };
    socket.on('error', reject);
    if (direction === 'up') {
      socket.write(`PUT / HTTP/1.1\r\nHost: bench\r\nContent-Length: ${GIB}\r\n\r\n`);
      pour(socket, GIB);
      socket.on('data', finish);
      return;
    }
    socket.write('GET / HTTP/1.1\r\nHost: bench\r\n\r\n');
    socket.on('data', (data) => {
      received += data.length;
      if (received >= GIB) {
        finish();
      } else if (isSlow && received / SIP_BYTES > samples) {
        samples++;
        socket.pause();
        setTimeout(() => socket.resume(), REST_MS);
      }
    });
  });
}

export const largeBodies: Scenario = {
  name: 'large-bodies',
  run: async ({ directory }) => {
    const server = await serve();
    const rows: string[][] = [];
    let own = 0;
    for (const start of [startPortico, startHaproxy]) {
      const name = start === startPortico ? 'Portico' : 'HAProxy';
      const subject = await start(
        { name, port: start === startPortico ? 7170 : 7180, backends: [SERVER_PORT], directory },
        1,
      );
      try {
        const growth = [];
        for (const [direction, isSlow] of [
          ['down', false],
          ['down', true],
          ['up', true],
        ] as const) {
          growth.push((await transfer(subject.port, subject.pid, direction, isSlow)) / (1 << 20));
        }
        if (name === 'Portico') own = Math.max(...growth);
        rows.push([name, ...growth.map((mib) => mib.toFixed(1))]);
      } finally {
        await subject.stop();
      }
    }
    server.close();
    return {
      title: '1 GiB through the balancer',
      text: 'Largest growth of the resident memory in MiB, once each.',
      columns: ['balancer', 'down', 'down, slow client', 'up, slow server'],
      rows,
      targets: [{ what: 'memory growth', value: `${own.toFixed(1)} MiB`, bound: '< 64 MiB', isMet: own < 64 }],
    };
  },
};
