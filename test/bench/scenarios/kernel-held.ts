import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { nextMessage } from '../children.ts';
import { type Forwarder, porticoKernel } from '../kernel/forwarders.ts';
import { KernelField } from '../kernel/kernel-field.ts';
import { cpuMicroseconds, memoryOf } from '../process-usage.ts';
import type { Bench, Scenario } from '../scenario.ts';
import type { LoadEvent } from '../tcp/load.ts';

/** A process has 20,000 descriptors on some machines and needs a few itself. */
const PER_PROCESS = 15_000;
/** Beside the connections: health checks, and those that have ended. */
const TABLE_SPARE = 20_000;
const ENTRY_BYTES_MOST = 300;
const RATE = 5000;
const CORE_SHARE_MOST = 10;
const LOOK_MS = 500;
const MOST_LOOKS = 60;
const MAX_SETTING = 'net.netfilter.nf_conntrack_max';

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Entries of the connection tracking table as the kernel's allocator knows them (slabinfo(5)). */
function trackingSlab(): { readonly objects: number; readonly bytesEach: number } {
  const line = readFileSync('/proc/slabinfo', 'latin1')
    .split('\n')
    .find((each) => each.startsWith('nf_conntrack '));
  if (line === undefined) throw new Error('the kernel tells no slab of nf_conntrack');
  const [, , objects, , perSlab, pages] = line.split(/\s+/).map(Number) as number[];
  return { objects: objects!, bytesEach: (pages! * 4096) / perSlab! };
}

/** Raises the table for all namespaces; returns what puts it back. */
function raiseTable(entries: number): () => void {
  const before = execFileSync('sysctl', ['-n', MAX_SETTING], { encoding: 'utf8' }).trim();
  if (Number(before) >= entries) return () => {};
  execFileSync('sysctl', ['-qw', `${MAX_SETTING}=${entries}`]);
  return () => execFileSync('sysctl', ['-qw', `${MAX_SETTING}=${before}`]);
}

/** By another program than ours: connections that are open and translated. */
function dumped(field: KernelField): number {
  const text = field.middle.run('conntrack', '-L', '-p', 'tcp', '--state', 'ESTABLISHED', '--src-nat', '-o', 'id');
  return text.split('\n').filter((line) => line.includes('ESTABLISHED')).length;
}

async function hold(bench: Bench, field: KernelField, forwarder: Forwarder): ReturnType<Scenario['run']> {
  const { kernelConnections } = bench.options;
  const processes = Math.ceil(kernelConnections / PER_PROCESS);
  const { pids, target } = forwarder;
  const own = (): number => pids.reduce((sum, pid) => sum + cpuMicroseconds(pid), 0);
  const resident = (): number => pids.reduce((sum, pid) => sum + memoryOf(pid).residentBytes, 0);
  const [slabBefore, memoryBefore, ownBefore, began] = [trackingSlab(), resident(), own(), performance.now()];
  const share = (i: number): number =>
    Math.floor(kernelConnections / processes) + (i < kernelConnections % processes ? 1 : 0);
  const clients = Array.from({ length: processes }, (_, i) => field.load('hold', target, { connections: share(i) }));
  const reports = await Promise.all(clients.map((client) => nextMessage<LoadEvent>(client)));
  const seconds = (performance.now() - began) / 1000;
  const cpuShare = (own() - ownBefore) / 1e4 / seconds;
  const open = reports.reduce((sum, { opened }) => sum + opened, 0);
  const failed = reports.reduce((sum, report) => sum + report.failed, 0);
  let [counted, inKernel] = [await forwarder.used(), dumped(field)];
  for (let look = 0; counted !== inKernel && look < MOST_LOOKS; look++) {
    await wait(LOOK_MS);
    [counted, inKernel] = [await forwarder.used(), dumped(field)];
  }
  const slab = trackingSlab();
  const bytesEach = ((slab.objects - slabBefore.objects) * slab.bytesEach) / open;
  const processBytes = (resident() - memoryBefore) / open;
  for (const client of clients) client.send('count');
  const ends = await Promise.all(clients.map((client) => nextMessage<LoadEvent>(client)));
  const lost = ends.reduce((sum, report) => sum + report.failed, 0) - failed;
  for (const client of clients) await bench.children.end(client);
  const rate = open / seconds;
  const atRate = (cpuShare * RATE) / rate;
  const number = (value: number, digits = 0): string => value.toLocaleString('en', { maximumFractionDigits: digits });
  return {
    title: `The kernel engine: ${number(kernelConnections)} connections at once`,
    text: `${processes} client processes, ${field.servers.length} servers; a message there and back on each connection, then it is held. One fresh run. Portico's count is compared with \`conntrack -L\`. Memory: slab of \`nf_conntrack\`; and the growth of Portico's processes.`,
    columns: [
      'open',
      'failed',
      'lost',
      'connections/s',
      'counted by Portico',
      'by conntrack',
      'bytes each in the table',
      'in Portico’s processes',
      'Portico’s CPU meanwhile, % of a core',
    ],
    rows: [
      [
        number(open),
        number(failed),
        number(lost),
        number(rate),
        number(counted),
        number(inKernel),
        number(bytesEach, 1),
        number(processBytes, 1),
        number(cpuShare, 1),
      ],
    ],
    targets: [
      {
        what: 'Held',
        value: number(open - lost),
        bound: number(kernelConnections),
        isMet: open - lost === kernelConnections,
      },
      { what: 'Count against the table', value: number(counted - inKernel), bound: '0', isMet: counted === inKernel },
      {
        what: 'Bytes per connection',
        value: number(bytesEach, 1),
        bound: `≤ ${ENTRY_BYTES_MOST}`,
        isMet: bytesEach <= ENTRY_BYTES_MOST,
      },
      {
        what: `Portico’s processes at ${number(RATE)} connections/s, % of a core`,
        value: number(atRate, 1),
        bound: `≤ ${CORE_SHARE_MOST}`,
        isMet: atRate <= CORE_SHARE_MOST,
      },
    ],
  };
}

export const kernelHeld: Scenario = {
  name: 'kernel-held',
  needs: [],
  run: async (bench) => {
    const { kernelConnections } = bench.options;
    const putBack = raiseTable(kernelConnections + TABLE_SPARE);
    const field = await KernelField.create(bench.children, Math.ceil(kernelConnections / PER_PROCESS));
    try {
      const forwarder = await porticoKernel(field, bench.directory, bench.children);
      try {
        return await hold(bench, field, forwarder);
      } finally {
        await forwarder.stop();
      }
    } finally {
      await field.remove();
      putBack();
    }
  },
};
