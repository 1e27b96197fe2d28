// Sends requests at a constant rate, whatever the answers do, each on a connection that is free or new. Who has no answer by the deadline
// leaves, as a person does. Arguments: port, requests per second, seconds, deadline in milliseconds, and 1 for a new connection each time.
// Sends one `GoodputResult` and ends.
import net from 'node:net';
import { percentile } from '../statistics.ts';
import type { GoodputResult } from './load.ts';

const [port, rate, seconds, deadlineMs, isFresh] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
  number,
];
const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: bench\r\n\r\n');
/** Not counted: queues have to fill first. */
const WARM_UP_SECONDS = 2;
const TICK_MS = 2;

const free: net.Socket[] = [];
const latencies: number[] = [];
const counts = { good: 0, refused: 0, late: 0, failed: 0 };
const total = Math.floor(rate * (seconds + WARM_UP_SECONDS));
const warmUp = rate * WARM_UP_SECONDS;
let sent = 0;
let settled = 0;
const started = performance.now();

function send(): void {
  const at = performance.now();
  const isCounted = sent++ >= warmUp;
  const socket = free.pop() ?? net.connect({ port, host: '127.0.0.1', noDelay: true });
  let text = '';
  const settle = (kind: keyof typeof counts, isReusable: boolean): void => {
    clearTimeout(timer);
    socket.removeAllListeners();
    socket.on('error', () => {});
    if (isReusable) {
      free.push(socket);
      socket.once('close', () => {
        const index = free.indexOf(socket);
        if (index >= 0) free.splice(index, 1);
      });
    } else {
      socket.destroy();
    }
    settled++;
    if (!isCounted) return;
    counts[kind]++;
    if (kind === 'good') latencies.push(performance.now() - at);
  };
  const timer = setTimeout(() => settle('late', false), deadlineMs);
  socket.removeAllListeners();
  socket.on('data', (data: Buffer) => {
    text += data.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
    if (text.length < end + 4 + length) return;
    const isKept = isFresh === 0 && !/\r\nconnection: close/i.test(text) && !Number.isNaN(length);
    settle(text.startsWith('HTTP/1.1 200') ? 'good' : 'refused', isKept);
  });
  socket.on('error', () => settle('failed', false));
  socket.on('close', () => settle('failed', false));
  socket.write(REQUEST);
}

const timer = setInterval(() => {
  const due = Math.min(total, Math.floor(((performance.now() - started) * rate) / 1000));
  while (sent < due) send();
  if (sent < total || settled < total) return;
  clearInterval(timer);
  latencies.sort((a, b) => a - b);
  const result: GoodputResult = {
    goodPerSecond: counts.good / seconds,
    refusedPerSecond: counts.refused / seconds,
    latePerSecond: (counts.late + counts.failed) / seconds,
    p99Ms: percentile(latencies, 0.99),
  };
  process.send?.(result, () => process.exit(0));
}, TICK_MS);
