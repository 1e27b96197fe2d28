import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Children, nextMessage } from '../children.ts';
import { Balancer, type SourceUse } from './balancer.ts';
import { Clients } from './clients.ts';
import type { DumpCost } from './dump-cost.ts';
import { Namespace } from './namespace.ts';
import type { ScaleOptions } from './options.ts';

/** A process has 20,000 descriptors on some machines and needs a few itself. */
const PER_PROCESS = 14_000;
const CLIENT_SIDE = '10.1.0.1';
/** Of the balancer itself, beside the sources that it claims. */
const SERVER_SIDE = '10.2.0.2';
const SERVER = '10.2.0.1';
const PORT = 9000;
const STALL_MS = 30_000;
const CLOSE_MS = 120_000;
const QUEUES = { 'net.core.somaxconn': 65_535, 'net.ipv4.tcp_max_syn_backlog': 65_535, 'net.ipv4.tcp_syncookies': 1 };

/** Past the limit of one source address for real. Resolves with whether everything held; prints what it sees. */
export async function runScale(
  children: Children,
  options: ScaleOptions,
  print: (line: string) => void,
): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'portico-scale-'));
  try {
    return await runIn(directory, children, options, print);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function runIn(
  directory: string,
  children: Children,
  { connections, sources: sourceCount, planes }: ScaleOptions,
  print: (line: string) => void,
): Promise<boolean> {
  const processes = Math.ceil(connections / PER_PROCESS);
  const clientAddresses = Array.from({ length: processes }, (_, i) => `10.1.1.${i + 1}`);
  const sources = Array.from({ length: sourceCount }, (_, i) => `10.2.1.${i + 1}`);
  const [clientSide, middle, serverSide] = [
    await Namespace.create(children),
    await Namespace.create(children),
    await Namespace.create(children),
  ];
  const wide = (addresses: readonly string[]): string[] => addresses.map((address) => `${address}/16`);
  clientSide.connect('c0', wide(clientAddresses), middle, 'b0', wide([CLIENT_SIDE]));
  middle.connect('b1', wide([SERVER_SIDE]), serverSide, 's0', wide([SERVER]));
  clientSide.set({ 'net.ipv4.ip_local_port_range': '1024 65535' });
  middle.set(QUEUES);
  serverSide.set(QUEUES);

  // SO_REUSEPORT spreads evenly but not exactly: one process more than would do.
  await Promise.all(
    Array.from({ length: processes + 1 }, () =>
      nextMessage(serverSide.fork(new URL('./server.js', import.meta.url), SERVER, String(PORT))),
    ),
  );
  const balancer = await Balancer.start(middle, {
    directory,
    bind: `${CLIENT_SIDE}:80`,
    destination: `${SERVER}:${PORT}`,
    pool: `claim: true, interface: b1, addresses: [${sources.join(', ')}], ports: 1024-65535`,
    planes,
  });
  const freeBefore = availableMiB();
  print(
    `${connections} WebSockets, ${sources.length} sources, ${planes} planes, ${processes} client processes; ${freeBefore} MiB available`,
  );

  const started = performance.now();
  const clients = new Clients(
    clientSide,
    { host: CLIENT_SIDE, port: 80 },
    clientAddresses.map((address, i) => [address, share(connections, processes, i)]),
  );
  const isOpened = await watchOpening(clients, started, print);
  const seconds = (performance.now() - started) / 1000;
  const { open, failed, broken } = clients.tally;
  print(
    `open ${open}, failed ${failed}, broken ${broken}, in ${seconds.toFixed(1)} s: ${Math.round(open / seconds)} connections/s`,
  );
  if (failed > 0 || !isOpened) print(`stopped short: ${JSON.stringify(clients.failures)}`);
  const rss = balancer.planePids.map(residentMiB);
  print(
    `memory: ${freeBefore - availableMiB()} MiB less available; planes ${rss.join(', ')} MiB resident, ${balancer.planePids.map(descriptors).join(', ')} descriptors`,
  );

  const map = await balancer.used();
  const kernel = sources.map((source) => ({ address: source, used: countEstablished(middle, source) }));
  const mapTotal = total(map);
  const kernelTotal = total(kernel);
  print(`used by the port map: ${list(map)}, together ${mapTotal}`);
  print(`used by the kernel (ss): ${list(kernel)}, together ${kernelTotal}`);
  const costs = await nextMessage<DumpCost[]>(middle.fork(new URL('./dump-cost.js', import.meta.url), ...sources));
  for (const cost of costs) print(describe(cost));

  await clients.closeAll();
  const closing = performance.now();
  let left = total(await balancer.used());
  while (left > 0 && performance.now() - closing < CLOSE_MS) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    left = total(await balancer.used());
  }
  const kernelLeft = sources.reduce((sum, source) => sum + countEstablished(middle, source), 0);
  print(`after closing all: ${left} used by the port map, ${kernelLeft} by the kernel`);
  const checks = {
    'all opened': open === connections && failed === 0 && broken === 0,
    'port map and kernel agree': mapTotal === kernelTotal && mapTotal === connections,
    'the dump agrees': costs.every(({ established }) => established.reduce((a, b) => a + b, 0) === kernelTotal),
    'none used after closing': left === 0 && kernelLeft === 0,
  };
  for (const [what, isTrue] of Object.entries(checks)) print(`${isTrue ? 'ok    ' : 'NOT ok'} ${what}`);
  return Object.values(checks).every(Boolean);
}

/** False when nothing opened for a while. */
async function watchOpening(clients: Clients, started: number, print: (line: string) => void): Promise<boolean> {
  let last = -1;
  let lastChange = performance.now();
  let lastPrint = started;
  while (!clients.tally.isDone) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const now = performance.now();
    const { open, failed } = clients.tally;
    if (open + failed !== last) lastChange = now;
    last = open + failed;
    if (now - lastChange > STALL_MS) return false;
    if (now - lastPrint < 5000) continue;
    lastPrint = now;
    print(
      `  ${((now - started) / 1000).toFixed(0)} s: ${open} open, ${failed} failed, ${availableMiB()} MiB available`,
    );
  }
  return true;
}

function countEstablished(namespace: Namespace, source: string): number {
  const text = namespace.run('ss', '-Htn', 'state', 'established', 'src', source, 'dst', SERVER);
  return text === '' ? 0 : text.trimEnd().split('\n').length;
}

function describe({ isFiltered, sockets, isComplete, totalMs, longestBlockMs }: DumpCost): string {
  const how = isFiltered ? 'filtered by the kernel' : 'unfiltered';
  return `sock_diag ${how}: ${sockets} sockets in ${totalMs.toFixed(0)} ms, event loop blocked ${longestBlockMs.toFixed(1)} ms at most${isComplete ? '' : ', INCOMPLETE'}`;
}

const share = (count: number, parts: number, i: number): number =>
  Math.floor(count / parts) + (i < count % parts ? 1 : 0);
const total = (uses: readonly SourceUse[]): number => uses.reduce((sum, { used }) => sum + used, 0);
const list = (uses: readonly SourceUse[]): string => uses.map(({ address, used }) => `${address} ${used}`).join(', ');

function availableMiB(): number {
  return Math.round(Number(/MemAvailable:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'latin1'))![1]) / 1024);
}

function residentMiB(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024);
}

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
