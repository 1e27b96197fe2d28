import type { Clock, Timer } from '../clock.ts';
import type { PortBlock } from '../control/messages.ts';
import type { NatCommand, NatEvent } from '../control/nat-messages.ts';
import type { EngineSnapshot } from '../engine/engine.ts';
import type { ConntrackDump } from '../netlink/conntrack-dump.ts';
import type { ConntrackEraser } from '../netlink/conntrack-eraser.ts';
import type { CounterDump } from '../netlink/counter-dump.ts';
import type { NetfilterState } from '../netlink/netfilter-state.ts';
import type { HeldPacket, PacketQueue } from '../netlink/packet-queue.ts';
import { BLOCK_SHIFT, BLOCKS_PER_ADDRESS } from '../source/port-block.ts';
import { WAIT_CHAIN } from './nat-chains.ts';
import { NatCounters } from './nat-counters.ts';
import { NatPorts } from './nat-ports.ts';
import { NatReader } from './nat-reader.ts';
import { natPortUse, natReport } from './nat-report.ts';
import { NatRules } from './nat-rules.ts';
import { hashOf, NatServices, reportedOf } from './nat-services.ts';
import { NatTable, PORTICO_TABLE } from './nat-table.ts';
import { NatTargets } from './nat-targets.ts';
import { type Nft, NftError } from './nft.ts';
import { PortSupply } from './port-supply.ts';
import { TableRoom } from './table-room.ts';
import { WaitingRoom } from './waiting-room.ts';

/** The loop looks at the counters so often at least, and at most. */
const SLOWEST_MS = 200;
const FASTEST_MS = 4;
/** … while nothing can come, as all ports are taken. */
const CLOSED_MS = 10;
const REPORT_MS = 500;
/** Blocks of each source asked for at the start. */
const FIRST_BLOCKS = 8;
/** How long rules that an earlier run has left stand before they are replaced by ones with no healthy server. */
const HOLD_MS = 5000;

export interface NatEngineDeps {
  readonly clock: Clock;
  readonly nft: Nft;
  readonly dump: ConntrackDump;
  readonly eraser: ConntrackEraser;
  readonly ruleCounters: CounterDump;
  readonly state: Pick<NetfilterState, 'conntrackCounts' | 'rulesGeneration'>;
  readonly send: (event: NatEvent) => void;
  /** Where first packets wait for a port, and whether nftables itself can send them there; undefined where they cannot wait. */
  readonly queue: { readonly packets: PacketQueue; readonly isNative: boolean } | undefined;
  /** The kernel evicts ended connections from a full range (since Linux 6.3). */
  readonly canEvict: boolean;
  /** Why the kernel cannot forward as the config wants it; undefined where it can. */
  readonly whyNot: (snapshot: EngineSnapshot) => string | undefined;
}

/**
 * Forwards by rules of nftables that it keeps right: reads from the kernel which source ports are taken, gives the next connections ports
 * that are free, and refuses those for which there is none. When it is gone, the rules go on by themselves.
 */
export class NatEngine {
  private readonly deps: NatEngineDeps;
  private readonly ports = new NatPorts();
  private readonly targets: NatTargets;
  private readonly services: NatServices;
  private readonly table: NatTable;
  private readonly counters = new NatCounters();
  private readonly rules: NatRules;
  private readonly reader: NatReader;
  private readonly supply: PortSupply;
  private readonly room: TableRoom;
  private readonly waiting = new WaitingRoom();
  private timer: Timer | undefined = undefined;
  private reportedAtMs = Number.NEGATIVE_INFINITY;
  private steppedAtMs = 0;
  private heldSinceMs: number | undefined = undefined;
  private isRunning = false;
  /** Why the last step failed; undefined: it did not. */
  private lastTrouble: string | undefined = undefined;
  private toldTrouble: string | undefined = undefined;
  private isStepping = false;
  private firstCounts: { readonly insertFailed: number; readonly dropped: number } | undefined = undefined;
  private isWaitingForPorts = false;

  constructor(deps: NatEngineDeps) {
    this.deps = deps;
    this.targets = new NatTargets(deps);
    this.services = new NatServices(this.targets);
    const { queue } = deps;
    this.table = new NatTable({
      ...deps,
      waiting: queue === undefined ? 'none' : queue.isNative ? 'native' : 'completed',
      onWaitChain: () => this.completeWaitChain(),
    });
    const { ports, targets, table, counters } = this;
    this.rules = new NatRules({ clock: deps.clock, table, ports, targets, counters });
    this.reader = new NatReader({ ...deps, ports, targets });
    this.supply = new PortSupply({ ...deps, ports, targets });
    this.room = new TableRoom(deps.send);
  }

  /** A first packet for which there was no port. */
  onHeld(packet: HeldPacket): void {
    this.waiting.add(packet, this.reader.begun);
    this.soon(0);
  }

  private completeWaitChain(): void {
    this.deps.queue!.packets.addRule(PORTICO_TABLE.name, WAIT_CHAIN).catch((error: Error) => {
      this.tell(`connections for which there is no port are refused at once, as they cannot wait: ${error.message}`);
    });
  }

  /** `onParted` runs when it has done all for a `part`. */
  handle(command: Exclude<NatCommand, { readonly type: 'ping' }>, onParted: () => void): void {
    switch (command.type) {
      case 'start':
        this.start(command).catch((error: Error & { code?: string }) =>
          this.deps.send({ type: 'failed', code: error.code ?? 'KERNEL', message: error.message }),
        );
        return;
      case 'apply':
        this.apply(command.snapshot);
        return;
      case 'grant':
        this.ports.grant(command.blocks);
        this.supply.onGrant();
        this.onGrant();
        if (command.blocks.length > 0) this.soon(0);
        return;
      case 'sources':
        this.ports.update(command.sources, this.reader.begun + 1);
        return;
      case 'avoid':
        this.ports.avoid(command.pool, command.address, command.ports);
        return;
      case 'wanted':
        this.supply.setWanted(command.pool, command.isWanted);
        return;
      case 'port-use':
        this.deps.send({
          type: 'port-use',
          id: command.id,
          use: natPortUse({ ports: this.ports, targets: this.targets }, command),
        });
        return;
      case 'part':
        this.part();
        onParted();
        return;
      default:
        command satisfies never;
    }
  }

  private async start(command: Extract<NatCommand, { type: 'start' }>): Promise<void> {
    const { clock, send, whyNot } = this.deps;
    this.ports.update(command.updates, 0);
    this.apply(command.snapshot);
    const why = whyNot(command.snapshot);
    if (why !== undefined) throw new NftError(why);
    const left = this.table.adopt(hashOf(command.snapshot));
    await this.read();
    const kept = [...left.runs.map(({ address, first }) => ({ address, block: first >>> BLOCK_SHIFT }))];
    const adopted = this.blocksOf([...kept, ...this.targets.busyBlocks()]);
    if (left.isThere) {
      this.heldSinceMs = clock.now();
      send({
        type: 'notice',
        message: `took over the rules that an earlier run has left${left.isSame ? '' : ', of another config'}, with connections on ${this.targets.busyBlocks().length} blocks of ports`,
      });
    }
    this.isWaitingForPorts = true;
    if (command.blocks.length > 0) {
      this.ports.grant(command.blocks);
      this.onGrant();
    } else if (adopted.length > 0) send({ type: 'adopt', blocks: adopted });
    else this.onGrant();
  }

  /** Whole blocks, in every pool that has the address. */
  private blocksOf(places: readonly { readonly address: string; readonly block: number }[]): PortBlock[] {
    const blocks = new Map<string, PortBlock>();
    for (const { pool, address } of this.ports.addresses) {
      for (const place of places) {
        if (place.address !== address || place.block >= BLOCKS_PER_ADDRESS) continue;
        const firstPort = place.block << BLOCK_SHIFT;
        const lastPort = firstPort + (1 << BLOCK_SHIFT) - 1;
        blocks.set(`${pool} ${address} ${firstPort}`, { pool, address, firstPort, lastPort });
      }
    }
    return [...blocks.values()];
  }

  /** The first ports are there, or it is known that there are none to take over: from here on it runs. */
  private onGrant(): void {
    if (!this.isWaitingForPorts) return;
    this.isWaitingForPorts = false;
    this.isRunning = true;
    this.steppedAtMs = this.deps.clock.now();
    for (const pool of this.services.pools) {
      const addresses = this.ports.addresses.filter((each) => each.pool === pool);
      if (this.ports.ownedPorts(pool) === 0) this.supply.ask(pool, addresses.length * FIRST_BLOCKS, false);
    }
    this.deps.send({ type: 'ready' });
    void this.step();
  }

  private apply(snapshot: EngineSnapshot): void {
    this.services.set(snapshot);
    this.rules.set(snapshot, this.services.all);
    this.soon(0);
  }

  private soon(delayMs: number): void {
    if (!this.isRunning || this.isStepping) return;
    this.deps.clock.clear(this.timer);
    this.timer = this.deps.clock.after(delayMs, () => void this.step());
  }

  private async step(): Promise<void> {
    let delayMs = SLOWEST_MS;
    this.isStepping = true;
    try {
      delayMs = await this.stepOnce();
      this.lastTrouble = undefined;
    } catch (error) {
      this.handleTrouble(error as Error);
    }
    this.isStepping = false;
    this.soon(delayMs);
  }

  /** Mostly the rules went away between two looks at them. What lasts is told once. */
  private handleTrouble(error: Error): void {
    if (error instanceof NftError && this.lastTrouble === undefined) this.restore();
    else if (error.message !== this.toldTrouble) {
      this.toldTrouble = error.message;
      this.tell(`the kernel's rules could not be kept: ${error.message}`);
    }
    this.lastTrouble = error.message;
    this.rules.forget();
  }

  /** Returns when to come again. */
  private async stepOnce(): Promise<number> {
    const { clock } = this.deps;
    if (await this.table.isTouched()) this.restore();
    if (!this.isRunning) return SLOWEST_MS;
    const nowMs = clock.now();
    const came = this.rules.count();
    const passedMs = nowMs - this.steppedAtMs;
    this.rules.rate = (came * 1000) / Math.max(1, passedMs);
    this.steppedAtMs = nowMs;
    if (this.reader.isDue(this.counters.refused, !this.waiting.isEmpty))
      this.read().catch((error: Error) => this.tell(`connections could not be counted: ${error.message}`));
    const safe = this.program();
    this.release(this.rules.open, this.reader.done);
    if (nowMs - this.reportedAtMs >= REPORT_MS) this.report(nowMs);
    const slowestMs = safe === 0 ? CLOSED_MS : SLOWEST_MS;
    const safeMs = this.rules.safeMs(passedMs);
    return safe === Number.POSITIVE_INFINITY ? slowestMs : Math.max(FASTEST_MS, Math.min(slowestMs, safeMs));
  }

  private release(open: number, done: number): void {
    if (!this.waiting.isEmpty) this.waiting.release(this.deps.queue!.packets, open, done);
  }

  private tell(message: string): void {
    this.deps.send({ type: 'notice', message });
  }

  private restore(): void {
    this.rules.forget();
    this.counters.restored++;
    this.tell('someone changed or removed the rules of Portico; they are put back');
  }

  private async read(): Promise<void> {
    const count = (): void => {
      if (this.isRunning) this.rules.count();
    };
    const reading = await this.reader.read(count, () => this.counters.refused);
    const { insertFailed, dropped } = this.reader.counts!;
    this.firstCounts ??= { insertFailed, dropped };
    this.counters.insertFailed = insertFailed - this.firstCounts.insertFailed;
    // The kernel counts those among the dropped, too.
    this.counters.tableFull = Math.max(0, dropped - this.firstCounts.dropped - this.counters.insertFailed);
    this.room.look(this.reader.counts!);
    this.targets.prune();
    // Ports that have come back are given out at once.
    if (this.rules.safe === 0 || !this.waiting.isEmpty) this.soon(0);
    const released = this.ports.release((address, block) => this.targets.isIdle(address, block), reading);
    if (released.length === 0) return;
    // The rules are to know nothing of them any more before anyone else has them.
    this.program();
    this.deps.send({ type: 'return', blocks: released });
  }

  /** Puts the rules right. Returns how many connections may come before they are looked at again. */
  private program(): number {
    if (!this.isRunning || this.isHolding()) return Number.POSITIVE_INFINITY;
    const least = this.rules.put();
    for (const pool of this.services.pools)
      this.supply.look(pool, least.get(pool) ?? Number.POSITIVE_INFINITY, this.rules.rate, this.reader.begun + 1);
    return this.rules.safe;
  }

  private isHolding(): boolean {
    if (this.heldSinceMs === undefined) return false;
    const isServed = this.services.all.every(
      ({ isKnown, servers }) => isKnown && (servers.length === 0 || servers.some((each) => each.isAvailable)),
    );
    const isOver = this.deps.clock.now() - this.heldSinceMs >= HOLD_MS;
    if (isServed || isOver) this.heldSinceMs = undefined;
    return this.heldSinceMs !== undefined;
  }

  private report(nowMs: number): void {
    this.reportedAtMs = nowMs;
    const { ports, targets, counters } = this;
    const services = this.services.all;
    this.deps.send({
      type: 'report',
      metrics: natReport({ ...reportedOf(services), counts: counters.counts(services), ports, targets }),
    });
  }

  /** The rules stay; without anyone who looks after them they are best with every block in turn. */
  private part(): void {
    if (this.isRunning && this.heldSinceMs === undefined) {
      try {
        this.rules.leave();
        this.release(Number.POSITIVE_INFINITY, this.reader.begun + 1);
      } catch {
        // They stay as they are.
      }
    }
    this.isRunning = false;
    this.deps.clock.clear(this.timer);
  }
}
