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
  'cli_abrt',
  'srv_abrt',
  'dcon',
] as const;
const CODES = ['hrsp_1xx', 'hrsp_2xx', 'hrsp_3xx', 'hrsp_4xx', 'hrsp_5xx'] as const;
export type Counter = (typeof COUNTERS)[number] | (typeof CODES)[number];

/** The worker that takes new connections. */
const CURRENT = 0;

/** Adds up counters of HAProxy over its workers, each of which begins at nothing. */
export class CounterSums {
  private readonly totals = new Map<string, number>();
  /** What each worker said last. */
  private readonly last = new Map<number, Map<string, number>>([[CURRENT, new Map()]]);

  /** `worker`: the process id of a former one. */
  read(rows: readonly StatRow[], worker = CURRENT): void {
    const last = this.last.get(worker);
    if (last === undefined) return;
    for (const row of rows) {
      for (const counter of [...COUNTERS, ...CODES]) {
        const value = row.number(counter);
        const key = `${row.proxy} ${row.name} ${counter}`;
        const before = last.get(key) ?? 0;
        if (value !== before)
          this.totals.set(key, (this.totals.get(key) ?? 0) + (value > before ? value - before : value));
        last.set(key, value);
      }
    }
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

  of(proxy: string, name: string, counter: Counter): number {
    return this.totals.get(`${proxy} ${name} ${counter}`) ?? 0;
  }

  /** Of all servers of a backend, those that are gone as well. */
  ofServers(proxy: string, counter: Counter): number {
    let sum = 0;
    for (const [key, value] of this.totals) {
      const [of, name, what] = key.split(' ');
      if (of === proxy && what === counter && name !== 'BACKEND' && name !== 'FRONTEND') sum += value;
    }
    return sum;
  }
}
