import type { Clock } from '../clock.ts';
import type { ConntrackDump } from '../netlink/conntrack-dump.ts';
import type { ConntrackCounts, NetfilterState } from '../netlink/netfilter-state.ts';
import type { NatPorts } from './nat-ports.ts';
import type { NatTargets } from './nat-targets.ts';
import { ReadingTimer } from './reading-timer.ts';

export interface NatReaderDeps {
  readonly clock: Clock;
  readonly dump: ConntrackDump;
  readonly state: Pick<NetfilterState, 'conntrackCounts'>;
  readonly ports: NatPorts;
  readonly targets: NatTargets;
}

/** Reads the connection tracking table into what is known of the targets. */
export class NatReader {
  /** How many readings have begun. */
  begun = 0;
  isReading = false;
  /** The last reading that has ended, whole. */
  done = 0;
  /** Of the whole table, as of the last reading. */
  counts: ConntrackCounts | undefined = undefined;
  private readonly deps: NatReaderDeps;
  private readonly timer: ReadingTimer;
  private refusedAtBegin = 0;

  constructor(deps: NatReaderDeps) {
    this.deps = deps;
    this.timer = new ReadingTimer(deps.clock);
  }

  /** `refused`: connections, ever; `isWaitedFor`: first packets wait for what it finds. */
  isDue(refused: number, isWaitedFor: boolean): boolean {
    const isAsked = isWaitedFor || refused > this.refusedAtBegin;
    return !this.isReading && this.timer.isDue(this.deps.targets.all, isAsked);
  }

  /**
   * One at a time. `count` takes the counters in: at the beginning, as what is opened from then on may or may not be read, and at the end, as
   * what was read has to have been counted. Resolves with the reading's number; a table that was not read whole changes nothing. Rejects with
   * ConntrackDumpError.
   */
  async read(count: () => void, refused: () => number): Promise<number> {
    const { dump, state, ports, targets } = this.deps;
    this.isReading = true;
    const number = ++this.begun;
    this.timer.begin();
    try {
      count();
      this.refusedAtBegin = refused();
      const isWhole = await dump.dump(targets.begin(ports.addresses), (batch) => targets.read(batch));
      count();
      if (isWhole) {
        await targets.commit();
        this.done = number;
      } else targets.fail();
      this.counts = await state.conntrackCounts();
      this.timer.end(isWhole);
    } catch (error) {
      targets.fail();
      this.timer.end(false);
      throw error;
    } finally {
      this.isReading = false;
    }
    return number;
  }
}
