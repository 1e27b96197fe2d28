// Sends requests at a constant rate, whatever the answers do. A latency counts from the moment at which the request was due, not from
// that at which it could be sent: an answer that holds up those behind it shows in theirs too.
// Arguments: port, requests per second, seconds, connections. Sends one `OpenLoopResult` to its parent and ends.
import net from 'node:net';
import { percentile } from '../statistics.ts';
import type { OpenLoopResult } from './open-loop.ts';

const [port, rate, seconds, connections] = process.argv.slice(2).map(Number) as [number, number, number, number];
const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: bench\r\n\r\n');
const OK = Buffer.from('HTTP/1.1 200');
const WARM_UP_SECONDS = 0.5;
/** What is unanswered that long after the last was due counts as an error. */
const GRACE_MS = 2000;
/** A nap between looks at the schedule; a spinning client would take a whole core from what it measures. */
const NAP_MS = 0.05;

const total = Math.floor(rate * (seconds + WARM_UP_SECONDS));
const warmUp = Math.floor(rate * WARM_UP_SECONDS);
const latencies = new Float64Array(total - warmUp);
const lateness = new Float64Array(total - warmUp);
let measured = 0;
let answered = 0;
let errors = 0;
let due = 0;
let started = 0;
let usualLength = -1;

interface Client {
  readonly socket: net.Socket;
  /** Which request it waits for; -1: none. */
  request: number;
  received: number;
  length: number;
}

const free: Client[] = [];
const waiting: number[] = [];
let firstWaiting = 0;

const dueAt = (request: number): number => started + (request * 1000) / rate;

function send(client: Client, request: number): void {
  client.request = request;
  client.received = 0;
  client.length = 0;
  client.socket.write(REQUEST);
}

function onData(client: Client, data: Buffer): void {
  // All answers of a balancer are as long as the first; only one that is not needs to be read.
  if (client.received === 0)
    client.length =
      data.length === usualLength && data.compare(OK, 0, OK.length, 0, OK.length) === 0
        ? usualLength
        : answerLength(data);
  client.received += data.length;
  if (client.received < client.length) return;
  answered++;
  if (client.request >= warmUp) latencies[measured++] = performance.now() - dueAt(client.request);
  client.request = -1;
  if (firstWaiting < waiting.length) send(client, waiting[firstWaiting++]!);
  else free.push(client);
}

/** Of head and body. Throws when the answer is not a 200 with a length whose head came in one piece. */
function answerLength(data: Buffer): number {
  const text = data.latin1Slice(0, data.length);
  const end = text.indexOf('\r\n\r\n');
  const match = /\r\ncontent-length: (\d+)\r\n/i.exec(text);
  if (!data.subarray(0, OK.length).equals(OK) || end < 0 || match === null)
    throw new Error(`unexpected answer: ${text}`);
  usualLength = end + 4 + Number(match[1]);
  return usualLength;
}

function connect(): Promise<Client> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    const client: Client = { socket, request: -1, received: 0, length: 0 };
    socket.on('connect', () => resolve(client));
    socket.on('error', reject);
    socket.on('data', (data: Buffer) => onData(client, data));
    socket.on('close', () => {
      const index = free.indexOf(client);
      // One that has waited for a minute may be closed; that is no answer lost.
      if (index >= 0) free.splice(index, 1);
      else errors++;
    });
  });
}

/** Atomics.wait is the only sleep in Node that is shorter than a millisecond. */
const napper = new Int32Array(new SharedArrayBuffer(4));

function turn(): void {
  const now = performance.now();
  while (due < total && dueAt(due) <= now) {
    if (due >= warmUp) lateness[due - warmUp] = now - dueAt(due);
    const client = free.pop();
    if (client === undefined) waiting.push(due);
    else send(client, due);
    due++;
  }
  if ((due === total && answered === total) || now > dueAt(total) + GRACE_MS) {
    finish();
    return;
  }
  Atomics.wait(napper, 0, 0, NAP_MS);
  setImmediate(turn);
}

function finish(): void {
  const missing = total - answered;
  const end = performance.now();
  // The unanswered took at least this long; leaving them out would flatter.
  for (const { request } of all) if (request >= warmUp) latencies[measured++] = end - dueAt(request);
  for (const request of waiting.slice(firstWaiting))
    if (request >= warmUp) latencies[measured++] = end - dueAt(request);
  const sorted = latencies.subarray(0, measured).sort();
  lateness.sort();
  const result: OpenLoopResult = {
    requests: answered,
    errors: errors + missing,
    p50Us: percentile(sorted, 0.5) * 1000,
    p99Us: percentile(sorted, 0.99) * 1000,
    clientLatenessP99Us: percentile(lateness, 0.99) * 1000,
  };
  process.send?.(result, () => process.exit(0));
}

const all = await Promise.all(Array.from({ length: connections }, connect));
free.push(...all);
started = performance.now();
turn();
