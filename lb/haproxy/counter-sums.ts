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

/** Adds up counters of HAProxy over its processes, each of which begins at nothing. */
export class CounterSums {
  private readonly totals = new Map<string, number>();
  private readonly last = new Map<string, number>();

  read(rows: readonly StatRow[]): void {
    for (const row of rows) {
      for (const counter of [...COUNTERS, ...CODES]) {
        const value = row.number(counter);
        const key = `${row.proxy} ${row.name} ${counter}`;
        const before = this.last.get(key) ?? 0;
        if (value !== before)
          this.totals.set(key, (this.totals.get(key) ?? 0) + (value > before ? value - before : value));
        this.last.set(key, value);
      }
    }
  }

  /** Another process counts from here on. */
  restart(): void {
    this.last.clear();
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
