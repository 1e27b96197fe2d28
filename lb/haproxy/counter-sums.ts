import { parseLineName } from './server-lines.ts';
import type { StatRow } from './stat-table.ts';

const COUNTERS = [
  'stot',
  'bin',
  'bout',
  'econ',
  'eresp',
  'wretr',
  'wredis',
  'connect',
  'reuse',
  'cli_abrt',
  'srv_abrt',
  'dcon',
  'hrsp_1xx',
  'hrsp_2xx',
  'hrsp_3xx',
  'hrsp_4xx',
  'hrsp_5xx',
] as const;
export type Counter = (typeof COUNTERS)[number];

/** The worker that takes new connections. */
const CURRENT = 0;
/** All servers of a proxy, those that are gone as well. */
const SERVERS = 'SERVERS';

/**
 * Adds up counters of HAProxy over its workers, each of which begins at nothing, and over the lines of a server: lines come and go with the ports that
 * there are, what is counted stays.
 */
export class CounterSums {
  /** By `PROXY WHAT`; WHAT is FRONTEND, BACKEND, SERVERS, a server, or a server from a source. In the order of COUNTERS. */
  private readonly totals = new Map<string, Float64Array>();
  /** What each worker said last, by `PROXY ROW`. */
  private readonly last = new Map<number, Map<string, Float64Array>>([[CURRENT, new Map()]]);

  /** `worker`: the process id of a former one. */
  read(rows: readonly StatRow[], worker = CURRENT): void {
    const last = this.last.get(worker);
    if (last === undefined) return;
    for (const row of rows) {
      const key = `${row.proxy} ${row.name}`;
      const before = last.get(key);
      const now = Float64Array.from(COUNTERS, (counter) => row.number(counter));
      last.set(key, now);
      // A counter that is lower than before began anew.
      const grown = now.map((value, i) => (value < (before?.[i] ?? 0) ? value : value - (before?.[i] ?? 0)));
      if (grown.some((value) => value > 0)) for (const what of partsOf(row)) this.add(`${row.proxy} ${what}`, grown);
    }
  }

  private add(key: string, grown: Float64Array): void {
    const total = this.totals.get(key);
    if (total === undefined) this.totals.set(key, grown.slice());
    else for (let i = 0; i < total.length; i++) total[i]! += grown[i]!;
  }

  /** Another worker takes new connections from here on; the one before, `former`, finishes what it has. */
  handOver(former: number): void {
    this.last.set(former, this.last.get(CURRENT)!).set(CURRENT, new Map());
  }

  /** A former worker has ended. */
  forget(former: number): void {
    this.last.delete(former);
  }

  /** All workers are gone. */
  restart(): void {
    this.last.clear();
    this.last.set(CURRENT, new Map());
  }

  /** Forgets servers that are none of `servers`, each as `PROXY SERVER`; what `ofServers` tells of them stays. */
  retain(servers: ReadonlySet<string>): void {
    for (const key of this.totals.keys()) {
      const [proxy, what = ''] = key.split(' ');
      const server = parseLineName(`${what}_0`)?.server ?? what;
      if (what !== 'FRONTEND' && what !== 'BACKEND' && what !== SERVERS && !servers.has(`${proxy} ${server}`))
        this.totals.delete(key);
    }
  }

  of(proxy: string, name: 'FRONTEND' | 'BACKEND', counter: Counter): number {
    return this.get(`${proxy} ${name}`, counter);
  }

  /** Of all servers of a backend, those that are gone as well. */
  ofServers(proxy: string, counter: Counter): number {
    return this.get(`${proxy} ${SERVERS}`, counter);
  }

  /** `server`: its address and port. */
  ofServer(proxy: string, server: string, counter: Counter): number {
    return this.get(`${proxy} ${server}`, counter);
  }

  ofSource(proxy: string, server: string, address: string, counter: Counter): number {
    return this.get(`${proxy} ${server}_${address}`, counter);
  }

  private get(key: string, counter: Counter): number {
    return this.totals.get(key)?.[COUNTERS.indexOf(counter)] ?? 0;
  }
}

/** Of what the counters of a row are part. */
function partsOf({ name }: StatRow): readonly string[] {
  const line = parseLineName(name);
  return line === undefined ? [name] : [SERVERS, line.server, `${line.server}_${line.address}`];
}
