import type { CapacityLimit } from './capacity.ts';

export interface SystemLimitEvent {
  readonly type: 'system-limit-near';
  /** What it is that runs out. */
  readonly limit: string;
  readonly title: string;
  readonly connections: number;
  /** Connections that it allows. */
  readonly allowed: number;
}

const NEAR = 0.8;
/** Below this part it is over, and the next time is told again. */
const OVER = 0.7;

/** Tells once of each limit that open connections come near to. With few connections it says nothing, however small the machine. */
export class LimitWatcher {
  private readonly told = new Set<string>();

  /** `limits` as the forecast has them, the first first. At most one event: what stops first is what there is to do. */
  observe(connections: number, limits: readonly CapacityLimit[]): SystemLimitEvent | undefined {
    let event: SystemLimitEvent | undefined;
    for (const { id, title, connections: allowed } of limits) {
      if (connections < allowed * OVER) this.told.delete(id);
      else if (connections >= allowed * NEAR && connections > 0 && !this.told.has(id)) {
        this.told.add(id);
        event ??= { type: 'system-limit-near', limit: id, title, connections, allowed };
      }
    }
    return event;
  }
}
