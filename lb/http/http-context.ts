import type { Clock } from '../clock.ts';
import { Arena } from '../net/arena.ts';
import type { TcpNetwork } from '../net/tcp-stream.ts';
import type { MemoryLevel } from '../pressure/memory-level.ts';
import type { ChallengeAnswers } from './challenge-answers.ts';
import { HeadBuffers } from './head-buffers.ts';
import { RequestHead } from './request-head.ts';
import { RequestIntake } from './request-intake.ts';
import { ResponseHead } from './response-head.ts';

/** What is read at once, with a new head. */
const SLAB_BYTES = 65536 + 4096;

/** What flushes at the end of the tick. */
export interface Flushable {
  flush(): void;
}

/** What all connections of one plane share: the network, time, and the objects that parsing and writing reuse. */
export class HttpContext {
  readonly network: TcpNetwork;
  readonly clock: Clock;
  readonly random: () => number;
  readonly challenges: ChallengeAnswers;
  /** The time as of the last tick: exact enough for timeouts, and free to read. */
  tickMs = 0;
  readonly requestHead = new RequestHead();
  readonly intake = new RequestIntake(this.requestHead);
  readonly responseHead = new ResponseHead();
  readonly heads = new HeadBuffers();
  /** Bytes on their way to clients and through tunnels; committed only when the kernel does not take them at once. */
  readonly outgoing = new Arena(SLAB_BYTES);
  memory: MemoryLevel = 'normal';
  isDrainAhead = false;
  private flushables: Flushable[] = [];
  private readonly runFlush = (): void => {
    const due = this.flushables;
    this.flushables = [];
    for (const item of due) item.flush();
  };

  constructor(deps: Pick<HttpContext, 'network' | 'clock' | 'random' | 'challenges'>) {
    this.network = deps.network;
    this.clock = deps.clock;
    this.random = deps.random;
    this.challenges = deps.challenges;
    this.tickMs = deps.clock.now();
  }

  /**
   * Runs `item.flush()` once all sockets that are readable now have been read: what arrived together leaves together. `setImmediate`
   * is libuv's check phase, right after its poll.
   */
  flushAfterTick(item: Flushable): void {
    if (this.flushables.push(item) === 1) setImmediate(this.runFlush);
  }
}
