import type { CounterSums } from '../lb/haproxy/counter-sums.ts';
import { readStat, type StatRow } from '../lb/haproxy/stat-table.ts';

/** Each is a connection to the master: with many of them the steering of the current worker does not wait for all. */
const MOST_AT_ONCE = 8;

/**
 * Workers of before a reload, which finish what they have. What they count is added up until they end; what they count between the last reading
 * and their end is lost.
 */
export class HaproxyFormer {
  private readonly sums: CounterSums;
  private readonly ask: (worker: number) => Promise<string | undefined>;
  /** By process id, those that were read longest ago first. */
  private readonly workers = new Map<number, readonly StatRow[]>();

  /** `ask`: what a worker says to `show stat`; undefined: it has ended. */
  constructor(sums: CounterSums, ask: (worker: number) => Promise<string | undefined>) {
    this.sums = sums;
    this.ask = ask;
  }

  /** The one that was current until now; undefined: it is not known. */
  add(worker: number | undefined): void {
    if (worker === undefined) this.sums.restart();
    else {
      this.sums.handOver(worker);
      this.workers.set(worker, []);
    }
  }

  /** All are gone. */
  clear(): void {
    this.workers.clear();
    this.sums.restart();
  }

  get rows(): readonly StatRow[] {
    return [...this.workers.values()].flat();
  }

  /** Rejects with what `ask` does. */
  async read(): Promise<void> {
    for (const worker of [...this.workers.keys()].slice(0, MOST_AT_ONCE)) {
      const answer = await this.ask(worker);
      this.workers.delete(worker);
      if (answer === undefined) {
        this.sums.forget(worker);
        continue;
      }
      const rows = readStat(answer);
      this.sums.read(rows, worker);
      this.workers.set(worker, rows);
    }
  }
}
