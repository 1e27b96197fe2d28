// The load of the TCP scenarios. Arguments: what to do, port, connections, seconds, the target's address and the first three bytes of the
// client's own addresses (127.0.0.1 and some of 127.0.0.0/8). Tells its parent what it counted, as `load.ts` has it.
import { loadTcpBinding } from '../../../lb/net/tcp-binding.ts';
import { TcpNetwork, type TcpStream } from '../../../lb/net/tcp-stream.ts';
import type { LoadEvent } from './load.ts';

const [what, port, connections, seconds] = [process.argv[2]!, ...process.argv.slice(3).map(Number)] as [
  string,
  number,
  number,
  number,
];
const [host = '127.0.0.1', own = `127.0.${4 + (process.pid % 100)}`] = process.argv.slice(6);
const network = new TcpNetwork(loadTcpBinding(), { readBufferBytes: 1 << 20 });
const MESSAGE = Buffer.alloc(64, 'e');
/** Connections that are opened at the same time. */
const AT_ONCE = 64;
/** Ports are named, one after the other: to look for a free one costs the kernel milliseconds where many rest in TIME_WAIT. */
const FIRST_PORT = 2100;
const PER_ADDRESS = 60_000;

const tell = (event: LoadEvent): void => void process.send?.(event);
let begun = 0;
let opened = 0;
let failed = 0;
let bytes = 0;
let isOver = false;

interface Ends {
  onOpen(stream: TcpStream): void;
  onRead(stream: TcpStream, length: number): void;
  onGone(): void;
}

function connect(ends: Ends): void {
  const local = {
    address: `${own}.${1 + (Math.floor(begun / PER_ADDRESS) % 250)}`,
    port: FIRST_PORT + (begun++ % PER_ADDRESS),
  };
  let open: TcpStream | undefined;
  const gone = (): void => {
    open?.close();
    ends.onGone();
  };
  const owner = {
    onRead: (_buffer: Buffer, length: number) => ends.onRead(open!, length),
    onEnd: gone,
    onError: () => {
      failed++;
      gone();
    },
    onDrained: () => {},
  };
  network.connect(local, host, port, owner, (stream) => {
    if (stream === undefined) {
      failed++;
      ends.onGone();
      return;
    }
    opened++;
    open = stream;
    ends.onOpen(stream);
    stream.resume();
  });
}

/** One message there and back on each connection, then the next connection. */
function churn(): void {
  if (isOver) return;
  let missing = MESSAGE.length;
  connect({
    onOpen: (stream) => void stream.write(MESSAGE),
    onRead: (stream, length) => {
      missing -= length;
      if (missing === 0) stream.end();
    },
    onGone: churn,
  });
}

function stream(): void {
  connect({
    onOpen: (stream) => void stream.write(Buffer.from('p')),
    onRead: (_stream, length) => {
      bytes += length;
    },
    onGone: () => {},
  });
}

async function hold(count: number): Promise<void> {
  for (let i = 0; i < count; i += AT_ONCE) {
    const batch = Array.from(
      { length: Math.min(AT_ONCE, count - i) },
      () =>
        new Promise<void>((resolve) => {
          connect({
            onOpen: (stream) => void stream.write(MESSAGE),
            onRead: () => resolve(),
            onGone: () => {
              failed++;
              resolve();
            },
          });
        }),
    );
    await Promise.all(batch);
  }
}

process.on('disconnect', () => process.exit(0));
const started = performance.now();
if (what === 'hold') {
  await hold(connections);
  // From now on a connection that ends is one that was lost.
  process.on('message', () => tell({ opened, failed, bytes, seconds: 0 }));
} else {
  for (let i = 0; i < connections; i++) (what === 'churn' ? churn : stream)();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  isOver = true;
}
tell({ opened, failed, bytes, seconds: (performance.now() - started) / 1000 });
