// Holds WebSockets as it is told. Arguments: target address, port, local address.
import { once } from 'node:events';
import type net from 'node:net';
import { holdWebSocket } from '../load/held-web-socket.ts';

export type ClientCommand =
  /** One after the other; after the first refusal many at once, as each refusal may take its time. */
  | { readonly type: 'open'; readonly count: number }
  /** All at once. */
  | { readonly type: 'crowd'; readonly count: number }
  /** Closes one and opens another, so often, `atOnce` at a time. */
  | { readonly type: 'churn'; readonly count: number; readonly atOnce: number };

export interface ClientReport {
  readonly held: number;
  /** How many were held when the first was refused; -1 when none was. */
  readonly heldAtFirstRefusal: number;
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
  /** Opened after a wait in which a first packet must have been sent again. */
  readonly late: number;
  /** Median and longest wait of those that were opened. */
  readonly medianMs: number;
  readonly longestMs: number;
}

const AT_ONCE = 50;
/** A SYN that was dropped is sent again after one second and after three (RFC 6298): a place to be found by then, or a refusal. */

const TIMEOUT_MS = 6500;

const LATE_MS = 900;

const [host, port, localAddress] = process.argv.slice(2) as [string, string, string];
const held: net.Socket[] = [];
let heldAtFirstRefusal = -1;
let failures: Record<string, number> = {};
let waits: number[] = [];

async function open(): Promise<void> {
  const started = performance.now();
  const socket = await holdWebSocket({ host, port: Number(port), localAddress, timeoutMs: TIMEOUT_MS });
  if (typeof socket === 'string') {
    if (heldAtFirstRefusal < 0) heldAtFirstRefusal = held.length;
    failures[socket] = (failures[socket] ?? 0) + 1;
    return;
  }
  waits.push(performance.now() - started);
  held.push(socket);
}

/** Resolves when the other side has closed, too. */
async function closeFirst(): Promise<void> {
  const socket = held.shift();
  if (socket === undefined || socket.closed) return;
  socket.end();
  await once(socket, 'close');
}

async function run(command: ClientCommand): Promise<void> {
  switch (command.type) {
    case 'open':
      for (let left = command.count; left > 0; ) {
        const atOnce = heldAtFirstRefusal < 0 ? 1 : Math.min(left, AT_ONCE);
        await Promise.all(Array.from({ length: atOnce }, open));
        left -= atOnce;
      }
      return;
    case 'crowd':
      await Promise.all(Array.from({ length: command.count }, open));
      return;
    case 'churn': {
      let left = command.count;
      const churn = async (): Promise<void> => {
        while (left-- > 0) {
          await closeFirst();
          await open();
        }
      };
      await Promise.all(Array.from({ length: command.atOnce }, churn));
      return;
    }
    default:
      command satisfies never;
  }
}

process.on('message', (command: ClientCommand) => {
  failures = {};
  waits = [];
  heldAtFirstRefusal = -1;
  void run(command).then(() => {
    waits.sort((a, b) => a - b);
    process.send?.({
      held: held.filter((socket) => !socket.closed).length,
      heldAtFirstRefusal,
      failed: Object.values(failures).reduce((sum, count) => sum + count, 0),
      failures,
      late: waits.filter((wait) => wait >= LATE_MS).length,
      medianMs: waits[waits.length >> 1] ?? 0,
      longestMs: waits.at(-1) ?? 0,
    } satisfies ClientReport);
  });
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
