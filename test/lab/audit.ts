import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isRunning } from '../../src/process-facts.ts';
import { sh } from '../fixtures/netns.ts';
import type { LabPortico } from './lab-portico.ts';

/** `source destination`, and how many connections. */
type Counts = ReadonlyMap<string, number>;

export interface PortAudit {
  /** Of the port map. */
  readonly leased: number;
  /** Of the kernel. */
  readonly sockets: number;
  /** Where the two differ. */
  readonly differences: readonly string[];
}

/** Compares the port map with the kernel's sockets until they agree; where they do not within two minutes, they do not. */
export async function auditPorts(portico: LabPortico, sources: readonly string[]): Promise<PortAudit> {
  const ours = new Set(sources);
  let audit: PortAudit = { leased: 0, sockets: 0, differences: ['the port map was not read'] };
  await portico
    .until('a port map that is like the kernel', async () => {
      const leased = await leasedPorts(portico, ours);
      const open = openSockets(ours);
      const pairs = [...new Set([...leased.keys(), ...open.keys()])];
      audit = {
        leased: sum(leased),
        sockets: sum(open),
        differences: pairs.flatMap((pair) => {
          const [map = 0, kernel = 0] = [leased.get(pair), open.get(pair)];
          return map === kernel ? [] : [`${pair}: ${map} leased, ${kernel} open`];
        }),
      };
      return audit.differences.length === 0;
    })
    .catch(() => {});
  return audit;
}

const sum = (counts: Counts): number => [...counts.values()].reduce((all, each) => all + each, 0);

async function leasedPorts(portico: LabPortico, sources: ReadonlySet<string>): Promise<Counts> {
  const { ports } = await portico.get<{ ports: { source: string; destination: string; used: number }[] }>(
    '/ports?limit=1000',
  );
  return new Map(
    ports
      .filter(({ source, used }) => used > 0 && sources.has(source))
      .map(({ source, destination, used }) => [`${source} ${destination}`, used]),
  );
}

/** TIME_WAIT is no connection any more: such a port is quarantined, not used. */
function openSockets(sources: ReadonlySet<string>): Counts {
  const counts = new Map<string, number>();
  for (const line of sh('ss -Htna').split('\n')) {
    const [state, , , local = '', remote = ''] = line.split(/\s+/);
    const source = local.slice(0, local.lastIndexOf(':'));
    if (state === 'TIME-WAIT' || state === 'LISTEN' || !sources.has(source)) continue;
    counts.set(`${source} ${remote}`, (counts.get(`${source} ${remote}`) ?? 0) + 1);
  }
  return counts;
}

/** Processes in this network namespace that are neither this one nor among the known ones, as `pid command line`. */
export function strangers(known: readonly number[]): string[] {
  const here = readlinkSync('/proc/self/ns/net');
  const found: string[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || known.includes(pid) || !isRunning(pid)) continue;
    try {
      if (readlinkSync(`/proc/${pid}/ns/net`) !== here) continue;
      found.push(`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim()}`);
    } catch {
      // Gone meanwhile, or not ours to look at.
    }
  }
  return found;
}
