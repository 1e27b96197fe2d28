import type { Clock } from '../lb/clock.ts';
import type { Channel } from '../lb/control/channel.ts';
import type { Lineage } from './lineage.ts';

export interface PrimaryDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  readonly pid: number;
  readonly lineage: Lineage;
  /** Another primary asks for everything that this one has: `letGo`, then answer. */
  readonly onSuccessor: (channel: Channel) => void;
  /** An operator has asked through the API that it stops: `stop`. */
  readonly onStopAsked: () => void;
}
