import type { LogFiles } from '../access-log/log-files.ts';
import type { Clock } from '../clock.ts';
import type { SourceUpdate } from '../control/messages.ts';
import type { ChallengeAnswers } from '../http/challenge-answers.ts';
import type { TcpHandle } from '../net/tcp-binding.ts';
import type { TcpNetwork } from '../net/tcp-stream.ts';
import type { MemoryLevel } from '../pressure/memory-level.ts';
import type { LeasePool } from '../source/lease-pool.ts';
import type { PlaneTls } from '../tls/plane-tls.ts';
import type { Engine, EngineSnapshot } from './engine.ts';

export interface PlaneEngineDeps {
  readonly network: TcpNetwork;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logs: LogFiles;
  readonly tls: PlaneTls;
  readonly challenges: ChallengeAnswers;
  /** How long a listener that is gone from the config waits for its connections to end. */
  readonly drainTimeoutMs: () => number;
  /** The source ports of this plane, by the name of the pool. */
  readonly pools: ReadonlyMap<string, LeasePool>;
}

/** An engine that relays bytes, so that every plane has one. All engines of a plane lease their source ports from the same pools. */
export interface PlaneEngine extends Engine {
  start(snapshot: EngineSnapshot): void;
  stop(): void;
  /** Accepts from now on, on a socket that is bound already. Returns 0 or a negative errno. */
  listen(listener: string, socket: TcpHandle): number;
  /** Accepts no more on that listener until the next `listen`: closes the socket that came with the last one. */
  rest(listener: string): void;
  /** Memory is as short as that from now on; the plane accepts nothing unless it is normal. */
  onMemory(level: MemoryLevel): void;
  /** Nearly all memory is used: some of those go for whom most is kept. Called again as long as that holds. */
  relieveMemory(): void;
  /** A drain is ahead, or not any more: clients on kept connections are told that these will end. */
  announceDrain(isAhead: boolean): void;
  /** The plane has more ports than before: those who wait may be served. */
  onRoom(): void;
  /** Source addresses that came, are to be let go, or are lost; the pools know it already. */
  onSources(updates: readonly SourceUpdate[]): void;
  /** Something of this engine waits for a port of the pool. */
  isWaitingFor(pool: string): boolean;
  /** Every few milliseconds; time-outs go by it. */
  tick(nowMs: number): void;
}
