import { acceptedCounter, fromCounter, heldCounter, refusedCounter, UNPLACED } from './nat-chains.ts';
import type { NatCounts } from './nat-report.ts';
import type { Service } from './nat-services.ts';
import type { Target } from './nat-targets.ts';

/** Adds up the counters of the table, which begin anew with every table. */
export class NatCounters {
  restored = 0;
  insertFailed = 0;
  tableFull = 0;
  /** Connections for which there was no port. */
  refused = 0;
  private readonly totals = new Map<string, number>();
  private last = new Map<string, number>();

  /** The table is another one. */
  onReset(): void {
    this.last.clear();
  }

  /** Returns how many connections came. `now`: by name. */
  read(now: ReadonlyMap<string, number>, services: readonly Service[], targets: readonly Target[]): number {
    let came = 0;
    const names = new Set([
      UNPLACED,
      ...services.flatMap(({ id }) => [acceptedCounter(id), heldCounter(id), refusedCounter(id)]),
    ]);
    for (const name of names) this.add(name, now.get(name) ?? 0);
    this.refused = services.reduce((sum, { id }) => sum + (this.totals.get(refusedCounter(id)) ?? 0), 0);
    for (const { id, steering } of targets) {
      const totals = [0, 1].map((serial) => now.get(fromCounter(id, serial)) ?? 0) as [number, number];
      for (const [serial, value] of totals.entries()) came += this.add(fromCounter(id, serial), value);
      steering.onCounters(totals);
    }
    this.last = new Map(now);
    return came;
  }

  private add(name: string, value: number): number {
    const before = this.last.get(name) ?? 0;
    const more = value >= before ? value - before : value;
    this.totals.set(name, (this.totals.get(name) ?? 0) + more);
    return more;
  }

  acceptedBy(service: number): number {
    return (this.totals.get(acceptedCounter(service)) ?? 0) - (this.totals.get(heldCounter(service)) ?? 0);
  }

  private connectsTo(target: number): number {
    return [0, 1].reduce((sum, serial) => sum + (this.totals.get(fromCounter(target, serial)) ?? 0), 0);
  }

  counts(services: readonly Service[]): NatCounts {
    const accepted = new Map<string, number>();
    const refused = new Map<string, number>();
    const connects = new Map<number, number>();
    for (const { id, listener, servers } of services) {
      accepted.set(listener.name, (accepted.get(listener.name) ?? 0) + this.acceptedBy(id));
      const count = this.totals.get(refusedCounter(id)) ?? 0;
      refused.set(listener.name, (refused.get(listener.name) ?? 0) + count);
      for (const { target } of servers) connects.set(target.id, this.connectsTo(target.id));
    }
    return {
      accepted,
      refused,
      connects,
      unplaced: this.totals.get(UNPLACED) ?? 0,
      insertFailed: this.insertFailed,
      tableFull: this.tableFull,
      restored: this.restored,
    };
  }
}
