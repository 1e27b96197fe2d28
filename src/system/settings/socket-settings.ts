import { count, powerOfTwo } from '../format.ts';
import { descriptorsFor, isForwardedByKernel, MARGIN } from '../needs.ts';
import type { Context, Setting } from '../setting.ts';
import { atLeast, atMost, oneOf, sysctl } from '../sysctl-setting.ts';

/** The kernel keeps these in 16 bits. */
const MAX_BACKLOG = 65_535;
const MIN_BACKLOG = 4096;

/** After an outage all clients come back within seconds. */
function backlogWant({ demand }: Context) {
  const part = Math.ceil(demand.connections / 8);
  const value = Math.min(MAX_BACKLOG, Math.max(MIN_BACKLOG, powerOfTwo(part)));
  return atLeast(value, `an eighth of ${count(demand.connections)}, as a power of two from 4,096 to 65,535`);
}

export const socketSettings: readonly Setting[] = [
  sysctl({
    key: 'net.core.somaxconn',
    title: 'accept queue',
    why: 'new connections wait here until a plane accepts them; the queue is full when all clients come back at once',
    ifLeft: 'SYNs are dropped in a reconnect storm, and clients wait a second or more',
    risk: 'a program that is overloaded keeps more clients waiting instead of refusing them',
    want: backlogWant,
  }),
  sysctl({
    key: 'net.ipv4.tcp_max_syn_backlog',
    title: 'half-open connections',
    why: 'handshakes under way wait here',
    ifLeft: 'the kernel falls back on SYN cookies, which lose TCP options',
    risk: 'a SYN flood takes more memory, about 300 bytes each',
    want: backlogWant,
  }),
  sysctl({
    key: 'net.core.netdev_max_backlog',
    title: 'packets before the stack',
    why: 'packets wait here when a CPU receives faster than it handles',
    ifLeft: 'bursts lose packets, seen in /proc/net/softnet_stat',
    risk: 'a little more latency under overload',
    want: ({ demand }) => {
      const value = Math.min(16_384, Math.max(1000, powerOfTwo(Math.ceil(demand.connections / 16))));
      return atLeast(value, `a sixteenth of ${count(demand.connections)}, from 1,000 to 16,384`);
    },
  }),
  sysctl({
    key: 'net.ipv4.tcp_fin_timeout',
    title: 'half-closed time',
    why: 'a connection whose other side does not close is kept for this many seconds',
    ifLeft: 'sockets of vanished clients take memory for a minute',
    risk: 'a peer that takes longer for its last bytes loses them',
    want: () => atMost(30, 'half of the kernel’s default of 60 s'),
  }),
  sysctl({
    key: 'net.ipv4.tcp_migrate_req',
    title: 'move waiting connections',
    why: 'a listener that closes hands its waiting connections to another on the same port (Linux 5.14)',
    ifLeft: 'an upgrade or a restart of a listener resets the clients in its queue',
    risk: 'none known',
    want: () => oneOf(['1'], 'on'),
  }),
  sysctl({
    key: 'net.ipv4.tcp_mem',
    title: 'memory of TCP',
    why: 'pages (4 KiB) that all buffers of TCP may take: low, pressure, most',
    ifLeft: 'beyond it the kernel drops data and kills orphans («TCP: out of memory»)',
    risk: 'TCP may take memory from programs',
    want: tcpMemoryWant,
  }),
  sysctl({
    key: 'net.ipv4.tcp_rmem',
    title: 'receive buffer',
    why: 'bytes: least, at first, most; with many connections the first size decides what a busy moment takes',
    ifLeft: 'when a tenth of the connections receive at once, buffers take more than a quarter of memory',
    risk: 'a first transfer over a long distance starts slower; it grows to the same size',
    want: (context, current) => bufferWant(context, current),
  }),
  sysctl({
    key: 'net.ipv4.tcp_wmem',
    title: 'send buffer',
    why: 'bytes: least, at first, most; with many connections the first size decides what a busy moment takes',
    ifLeft: 'when a tenth of the connections send at once, buffers take more than a quarter of memory',
    risk: 'a first transfer over a long distance starts slower; it grows to the same size',
    want: (context, current) => bufferWant(context, current),
  }),
];

const PAGE = 4096;

function tcpMemoryWant({ demand, facts }: Context, current: string) {
  const { memoryBytes } = facts;
  const [, , most = 0] = current.split(' ').map(Number);
  if (memoryBytes === undefined || isForwardedByKernel(demand)) return undefined;
  const sockets = descriptorsFor(demand);
  const half = Math.floor(memoryBytes / 2 / PAGE);
  const need = Math.min(half, Math.ceil(sockets * MARGIN));
  return {
    value: `${Math.floor(need / 2)} ${Math.floor((need * 3) / 4)} ${need}`,
    shown: `most: at least ${count(need)}`,
    formula: `a page for each of ${count(sockets)} sockets × ${MARGIN}, within half of memory (${count(half)} pages)`,
    severityOf: (value: string) =>
      Number(value.split(' ')[2] ?? most) >= need ? ('pass' as const) : ('warn' as const),
  };
}

const SMALLEST_BUFFER = 16_384;

function bufferWant({ demand, facts }: Context, current: string) {
  const { memoryBytes } = facts;
  const [least = 4096, initial = SMALLEST_BUFFER, most = initial] = current.split(' ').map(Number);
  if (memoryBytes === undefined || isForwardedByKernel(demand)) return undefined;
  const busy = Math.max(1, Math.ceil(descriptorsFor(demand) / 10));
  const room = memoryBytes / 4 / busy;
  // The power of two below.
  const fitting = Math.max(SMALLEST_BUFFER, powerOfTwo(room + 1) / 2);
  const first = Math.min(initial, fitting);
  return {
    value: `${Math.min(least, 4096)} ${first} ${most}`,
    shown: `at first: at most ${count(fitting)}`,
    formula: `a quarter of memory ÷ a tenth of ${count(descriptorsFor(demand))} sockets, a power of two from 16,384`,
    severityOf: (value: string) =>
      Number(value.split(' ')[1] ?? initial) <= Math.max(fitting, first) && Number(value.split(' ')[0]) <= 4096
        ? ('pass' as const)
        : ('warn' as const),
  };
}
