import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Children, nextMessage } from '../children.ts';
import type { SourceUse } from './balancer.ts';
import { Clients } from './clients.ts';
import type { DumpCost } from './dump-cost.ts';
import { type HolderName, startHolder } from './holders.ts';
import { Namespace } from './namespace.ts';
import type { ScaleOptions } from './options.ts';
import { type ScaleResult, sumUsage } from './scale-result.ts';

/** A process has 20,000 descriptors on some machines and needs a few itself. */
const PER_PROCESS = 14_000;
const CLIENT_SIDE = '10.1.0.1';
/** Of the balancer itself, beside the sources that it claims. */
const SERVER_SIDE = '10.2.0.2';
const SERVER = '10.2.0.1';
const PORT = 9000;
const STALL_MS = 30_000;
const CLOSE_MS = 120_000;
/** For what is still under way after the last handshake. */
const SETTLE_MS = 3000;
/** How long they are held for the CPU that this takes. */
const HOLD_MS = 10_000;
const QUEUES = { 'net.core.somaxconn': 65_535, 'net.ipv4.tcp_max_syn_backlog': 65_535, 'net.ipv4.tcp_syncookies': 1 };

/** Past the limit of one source address for real, through one balancer. Prints what it sees. */
export async function runScale(
  children: Children,
  name: HolderName,
  options: ScaleOptions,
  print: (line: string) => void,
): Promise<ScaleResult> {
  const directory = mkdtempSync(join(tmpdir(), 'portico-scale-'));
  try {
    return await runIn(directory, children, name, options, print);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function runIn(
  directory: string,
  children: Children,
  name: HolderName,
  { connections, sources: sourceCount, planes }: ScaleOptions,
  print: (line: string) => void,
): Promise<ScaleResult> {
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
  const { pids, balancer } = await startHolder(name, {
    namespace: middle,
    directory,
    front: `${CLIENT_SIDE}:80`,
    server: `${SERVER}:${PORT}`,
    sources,
    interface: 'b1',
    connections,
    planes,
  });
  const freeBefore = availableMiB();
  print(
    `${connections} WebSockets, ${sources.length} sources, ${pids.length} processes, ${processes} client processes; ${freeBefore} MiB available`,
  );

  const before = sumUsage(pids);
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
  await wait(SETTLE_MS);
  const opened = sumUsage(pids);
  await wait(HOLD_MS);
  const held = sumUsage(pids);
  const result = {
    name,
    processes: pids.length,
    open,
    perSecond: open / seconds,
    residentBytes: (opened.residentBytes - before.residentBytes) / open,
    proportionalBytes: (opened.proportionalBytes - before.proportionalBytes) / open,
    openMicroseconds: (opened.cpuMicroseconds - before.cpuMicroseconds) / open,
    heldMilliseconds: (held.cpuMicroseconds - opened.cpuMicroseconds) / 1000 / (HOLD_MS / 1000),
  };
  print(
    `memory: ${freeBefore - availableMiB()} MiB less available, of all; ${pids.map(descriptors).join(', ')} descriptors`,
  );

  const kernel = sources.map((source) => ({ address: source, used: countEstablished(middle, source) }));
  const kernelTotal = total(kernel);
  print(`used by the kernel (ss): ${list(kernel)}, together ${kernelTotal}`);
  const checks: Record<string, boolean> = {
    'all opened': open === connections && failed === 0 && broken === 0,
    'the kernel counts them all': kernelTotal === connections,
  };
  if (balancer !== undefined) {
    const map = await balancer.used();
    print(`used by the port map: ${list(map)}, together ${total(map)}`);
    const costs = await nextMessage<DumpCost[]>(middle.fork(new URL('./dump-cost.js', import.meta.url), ...sources));
    for (const cost of costs) print(describe(cost));
    checks['port map and kernel agree'] = total(map) === kernelTotal;
    checks['the dump agrees'] = costs.every(
      ({ established }) => established.reduce((a, b) => a + b, 0) === kernelTotal,
    );
  }

  await clients.closeAll();
  const left = async (): Promise<readonly number[]> => [
    sources.reduce((sum, source) => sum + countEstablished(middle, source), 0),
    ...(balancer === undefined ? [] : [total(await balancer.used())]),
  ];
  const closing = performance.now();
  let counts = await left();
  while (counts.some((count) => count > 0) && performance.now() - closing < CLOSE_MS) {
    await wait(200);
    counts = await left();
  }
  print(
    `after closing all: ${counts[0]} used by the kernel${balancer === undefined ? '' : `, ${counts[1]} by the port map`}`,
  );
  checks['none used after closing'] = counts.every((count) => count === 0);
  for (const [what, isTrue] of Object.entries(checks)) print(`${isTrue ? 'ok    ' : 'NOT ok'} ${what}`);
  return { ...result, isFine: Object.values(checks).every(Boolean) };
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

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

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
