import type { Clock } from '../clock.ts';
import type { EngineSnapshot } from '../engine/engine.ts';
import { ListenerTurns } from './listener-turns.ts';
import type { NatCounters } from './nat-counters.ts';
import type { NatPlan } from './nat-plan.ts';
import type { NatPorts } from './nat-ports.ts';
import { usedOf } from './nat-report.ts';
import { hashOf, type Service } from './nat-services.ts';
import type { NatTable } from './nat-table.ts';
import type { NatTargets } from './nat-targets.ts';

/** Of all targets together, and of one. */
const ALL_TICKETS = 1280;
const MOST_TICKETS = 1024;
const LEAST_TICKETS = 32;
/** Of tickets, one after the other at once. */
const MOST_DRAWS = 3;
const FIRST_CHANGE_MS = 20;

export interface NatRulesDeps {
  readonly clock: Clock;
  readonly table: NatTable;
  readonly ports: NatPorts;
  readonly targets: NatTargets;
  readonly counters: NatCounters;
}

/** What the table is to say at this moment: the listeners, and the tickets for the next connections. */
export class NatRules {
  /** Connections a second, of late. */
  rate = 0;
  services: readonly Service[] = [];
  private readonly deps: NatRulesDeps;
  private readonly turns: ListenerTurns;
  private configHash = '';
  /** How long it takes from a look at the counters until new tickets are in force: at most, of late. */
  private changeMs = FIRST_CHANGE_MS;

  constructor(deps: NatRulesDeps) {
    this.deps = deps;
    const { counters, ports } = deps;
    this.turns = new ListenerTurns({ counters, heldOf: (target) => usedOf(ports, target) });
  }

  /** Of a new config, or of servers that changed. */
  set(snapshot: EngineSnapshot, services: readonly Service[]): void {
    this.services = services;
    this.configHash = hashOf(snapshot);
    this.turns.clear();
  }

  /** The table was made by someone else or is gone: nothing is known of it. */
  forget(): void {
    const { table, counters, targets } = this.deps;
    counters.onReset();
    for (const { steering } of targets.all) steering.onReset();
    table.forget();
  }

  /** Takes the counters in; returns how many connections came. */
  count(): number {
    const { table, counters, targets } = this.deps;
    const counted = table.counters();
    return counted === undefined ? 0 : counters.read(counted, this.services, targets.all);
  }

  /** Puts the rules right. Returns the ports that are free, by pool: towards the target with fewest. Throws NftError. */
  put(): ReadonlyMap<string, number> {
    const { clock, table } = this.deps;
    const least = new Map<string, number>();
    // Those that come while tickets change go by the old ones: what they took is taken off the new ones.
    for (let i = 0; i < MOST_DRAWS; i++) {
      const beganMs = clock.now();
      const isDrawn = this.draw(least);
      table.put(this.plan());
      if (!isDrawn) break;
      const came = this.count();
      this.changeMs = Math.max(this.changeMs / 2, clock.now() - beganMs);
      if (came === 0) break;
      this.rate = Math.max(this.rate, (came * 1000) / Math.max(1, this.changeMs));
    }
    return least;
  }

  /** Connections that may come before the rules have to be looked at again. */
  get safe(): number {
    return Math.min(...this.deps.targets.all.map(({ steering }) => steering.safe));
  }

  /**
   * Until a quarter of what is safe to come for any server has come, if it goes on as in the `passedMs` since this was asked before. As others may
   * get more suddenly, each is taken to get a quarter of all at least.
   */
  safeMs(passedMs: number): number {
    const { all } = this.deps.targets;
    const rates = all.map(({ steering }) => Math.max((steering.lately * 1000) / Math.max(1, passedMs), this.rate / 4));
    for (const { steering } of all) steering.lately = 0;
    return Math.min(...all.map(({ steering }, i) => (steering.safe * 250) / Math.max(1, rates[i]!)));
  }

  /** Connections that find a port, whatever server they go to. */
  get open(): number {
    return this.deps.targets.all.reduce((sum, { steering }) => sum + steering.left, 0);
  }

  /** Without anyone who looks after them, the rules are best with every block in turn. Throws NftError. */
  leave(): void {
    const { table, ports, targets } = this.deps;
    for (const { pool, family, steering } of targets.all) steering.spread(ports.usable(pool, family), this.mostTickets);
    this.turns.clear();
    table.put(this.plan());
  }

  /** A transaction has to fit into a socket's buffer, which without CAP_NET_ADMIN over the whole machine is 208 KiB. */
  private get mostTickets(): number {
    return Math.max(LEAST_TICKETS, Math.min(MOST_TICKETS, Math.floor(ALL_TICKETS / this.deps.targets.all.length)));
  }

  /** Returns whether there are new tickets. */
  private draw(least: Map<string, number>): boolean {
    const { ports, targets } = this.deps;
    let isDrawn = false;
    const options = { soon: Math.ceil((this.rate * this.changeMs) / 1000), most: this.mostTickets };
    for (const { pool, family, steering } of targets.all) {
      const { serial } = steering;
      const free = steering.redraw(ports.usable(pool, family), options);
      isDrawn ||= steering.serial !== serial;
      least.set(pool, Math.min(least.get(pool) ?? Number.POSITIVE_INFINITY, free));
    }
    return isDrawn;
  }

  private plan(): NatPlan {
    const { ports, targets } = this.deps;
    return {
      configHash: this.configHash,
      listeners: this.services.map((service) => this.turns.of(service)),
      targets: targets.all.map(({ steering, ...target }) => ({
        ...target,
        tickets: steering.tickets,
        serial: steering.serial,
      })),
      runs: ports.runs,
    };
  }
}
