import { BLOCK_SHIFT } from '../source/port-block.ts';
import type { SourceRun, Tickets } from './nat-plan.ts';
import { TargetPorts } from './target-ports.ts';
import { drawTickets, type FreeRun, NO_TICKETS, safeCount } from './tickets.ts';

/**
 * Ports whose connection has ended can be had where the kernel gives the place of an ended connection up for a new one. It looks at no more
 * than the last 32 of the 128 ports that it tries (nf_nat_used_tuple_harder): with so many of them in a run it finds one.
 */
const EVICTABLE = 16;

export interface RedrawOptions {
  /** So many connections may still come by the old tickets before the new ones are in force: the ports that those get are given out last. */
  readonly soon: number;
  /** Tickets at most. */
  readonly most: number;
}

export interface SteeringOptions {
  /** The kernel evicts ended connections (since Linux 6.3). */
  readonly canEvict: boolean;
}

/**
 * Which source ports the connections to one server get. Between two readings of the connection tracking table it is known from a counter
 * and the order of the tickets which runs the new connections took ports of; what ended meanwhile is not known, so that no port is believed
 * free that is not.
 */
export class TargetSteering {
  readonly ports = new TargetPorts();
  tickets: Tickets = NO_TICKETS;
  serial = 0;
  /** Connections since tickets were drawn. */
  drawn = 0;
  /** Ports that were free when the tickets were last looked at. */
  free = 0;
  /** Connections since someone set it to 0. */
  lately = 0;
  private readonly options: SteeringOptions;
  /** The tickets of before: connections that were under way while they changed went by those. */
  private previous: { readonly tickets: Tickets; drawn: number } | undefined = undefined;
  /** Of both counters. */
  private totals: [number, number] = [0, 0];
  /** The rules were made anew, and with them the place in the tickets. */
  private isReset = false;
  /** Connections since the last reading, by run; and since the one under way began. */
  private opened = new Map<SourceRun, number>();
  private openedDuring: Map<SourceRun, number> | undefined = undefined;

  private readonly leases = new Map<string, number>();

  constructor(options: SteeringOptions) {
    this.options = options;
  }

  /**
   * The counters of first packets: the tickets with an even serial number are counted by the first, the others by the second. They only grow
   * while the table stands; a smaller value means that it was made anew. To be told between one change of tickets and the next.
   */
  onCounters(totals: readonly [number, number]): void {
    const { serial, previous } = this;
    for (const [i, total] of totals.entries()) {
      const last = this.totals[i]!;
      const came = total >= last ? total - last : total;
      this.totals[i] = total;
      this.lately += came;
      if (i === serial % 2) {
        this.take(this.tickets, this.drawn, came);
        this.drawn += came;
      } else if (previous !== undefined) {
        this.take(previous.tickets, previous.drawn, came);
        previous.drawn += came;
      }
    }
  }

  /** `came` connections by the tickets from place `from` on. */
  private take({ order, runs, isLimited }: Tickets, from: number, came: number): void {
    for (let at = from; at < from + came; at++) {
      if (order.length === 0 || (isLimited && at >= order.length)) return;
      const run = runs[order[at % order.length]!]!;
      this.opened.set(run, (this.opened.get(run) ?? 0) + 1);
      this.leases.set(run.address, (this.leases.get(run.address) ?? 0) + 1);
      this.openedDuring?.set(run, (this.openedDuring.get(run) ?? 0) + 1);
    }
  }

  /** The table was made anew or will be: counters and tickets start from nothing. */
  onReset(): void {
    this.totals = [0, 0];
    this.isReset = true;
  }

  beginReading(): void {
    this.ports.begin();
    this.openedDuring = new Map();
  }

  endReading(): void {
    const before = new Map([...(this.openedDuring ?? [])].map(([run]) => [run, this.takenOf(run)]));
    this.ports.commit();
    const { openedDuring } = this;
    this.opened = new Map();
    this.openedDuring = undefined;
    // Each of those is in what was read, or not. No more ports are taken than were taken before, if none of them had come back.
    for (const [run, count] of openedDuring ?? []) {
      const unread = Math.min(count, before.get(run)! - this.takenOf(run));
      if (unread > 0) this.opened.set(run, unread);
    }
  }

  private takenOf(run: SourceRun): number {
    const { used, quarantined } = this.ports.countsOf(run);
    return used + quarantined + (this.opened.get(run) ?? 0);
  }

  failReading(): void {
    this.openedDuring = undefined;
  }

  /** Connections that were opened since the last reading. */
  get openedSince(): number {
    let sum = 0;
    for (const count of this.opened.values()) sum += count;
    return sum;
  }

  /** Ports of the run that the next connections can have, as far as is known. */
  freeOf(run: SourceRun): number {
    return Math.max(0, run.last - run.first + 1 - this.takenOf(run));
  }

  /** Ports of the run that are taken, as far as is known. */
  usedOf(run: SourceRun): number {
    const { used, quarantined } = this.ports.countsOf(run);
    return Math.min(run.last - run.first + 1 - quarantined, used + (this.opened.get(run) ?? 0));
  }

  /** Connections from that source, ever. */
  leasesOf(source: string): number {
    return this.leases.get(source) ?? 0;
  }

  /** A connection is remembered on a port of the block, or was opened since. */
  isBusy(address: string, block: number): boolean {
    if (this.ports.has(address, block)) return true;
    for (const run of this.opened.keys()) {
      if (run.address === address && run.first >>> BLOCK_SHIFT === block) return true;
    }
    return false;
  }

  private evictableOf(run: SourceRun): number {
    const { quarantined } = this.ports.countsOf(run);
    const free = run.last - run.first + 1 - this.takenOf(run);
    return Math.max(0, quarantined - EVICTABLE + Math.min(0, free));
  }

  candidates(runs: readonly SourceRun[]): FreeRun[] {
    const free = runs.map((run) => ({ run, free: this.freeOf(run) }));
    if (!this.options.canEvict || free.some((each) => each.free > 0)) return free;
    return runs.map((run) => ({ run, free: this.evictableOf(run) }));
  }

  /** There are tickets left, as far as is known. */
  get isOpen(): boolean {
    const { order, isLimited } = this.tickets;
    return isLimited ? this.drawn < order.length : order.length > 0;
  }

  /** Tickets that are left. */
  get left(): number {
    const { order, isLimited } = this.tickets;
    return isLimited ? Math.max(0, order.length - this.drawn) : Number.POSITIVE_INFINITY;
  }

  /** Connections that can come before one meets a run that is full, or a refusal. */
  get safe(): number {
    const { order, isLimited } = this.tickets;
    return isLimited ? Math.max(0, order.length - this.drawn) : safeCount(this.tickets, (run) => this.freeOf(run));
  }

  /**
   * Draws anew if that is better than to go on with the tickets that there are. Returns the ports that are free.
   */
  redraw(runs: readonly SourceRun[], { soon, most }: RedrawOptions): number {
    const candidates = this.candidates(runs);
    const free = candidates.reduce((sum, each) => sum + each.free, 0);
    this.free = free;
    const isKnown = this.tickets.runs.every((run) => runs.includes(run));
    if (!this.isReset && isKnown && !this.isStale(candidates, free, { soon, most })) return free;
    this.isReset = false;
    const kept = this.promised(this.drawn, soon);
    this.replace(drawTickets(candidates, { kept, most }));
    return free;
  }

  private isStale(candidates: readonly FreeRun[], free: number, { soon, most }: RedrawOptions): boolean {
    const { order, isLimited } = this.tickets;
    // One ticket for each port as soon as they fit: from there on, nothing has to be changed until the last one is gone.
    if (!isLimited) return free <= most || this.safe < Math.max(1, this.drawn);
    const left = Math.max(0, order.length - this.drawn);
    const promised = this.promised(this.drawn, left);
    if (candidates.some((each) => (promised.get(each.run) ?? 0) > each.free)) return true;
    const more = free - left;
    return more > 0 && (soon === 0 || more * 4 >= left || left <= 2 * soon);
  }

  /** By run, the ports that the next `count` connections get from place `from` of the tickets on. */
  private promised(from: number, count: number): Map<SourceRun, number> {
    const { order, runs, isLimited } = this.tickets;
    const promised = new Map<SourceRun, number>();
    const end = isLimited ? Math.min(order.length, from + count) : order.length === 0 ? from : from + count;
    for (let at = from; at < end; at++) {
      const run = runs[order[at % order.length]!]!;
      promised.set(run, (promised.get(run) ?? 0) + 1);
    }
    return promised;
  }

  private replace(tickets: Tickets): void {
    this.previous = { tickets: this.tickets, drawn: this.drawn };
    this.tickets = tickets;
    this.serial++;
    this.drawn = 0;
  }

  /** For a time without anyone to draw: every run in turn, over and over. */
  spread(runs: readonly SourceRun[], most: number): void {
    const open = runs.filter((run) => this.freeOf(run) > 0).slice(0, most);
    this.replace({ runs: open, order: open.map((_, i) => i), isLimited: false });
  }
}
