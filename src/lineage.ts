import type { PipeBinding } from '../lb/net/pipe-binding.ts';

/** How processes of this run are found by the next one. */
export interface Lineage {
  readonly binding: PipeBinding;
  /** Where they can be met. */
  readonly directory: string;
  /** The code that this is: processes of other code are replaced by ours. */
  readonly release: string;
  /** How long they go on without a primary. 0: not at all. */
  readonly outliveMs: number;
  /** A process that is silent for so long is taken for dead. */
  readonly heartbeatMs: number;
}
