import type { DrainControl, DrainState } from '../admin/admin-source.ts';
import type { Clock, Timer } from '../lb/clock.ts';

export interface DrainNoticeDeps {
  readonly clock: Clock;
  /** How long everything goes on after it has been said that it will end. */
  readonly delayMs: () => number;
  /** Clients are told, or not any more. */
  readonly announce: (isAhead: boolean) => void;
  /** Everything is to stop now. */
  readonly stop: () => void;
}

/**
 * The first part of a drain, in which nothing has stopped yet: whoever sends traffic here sees by /readyz that it is to go elsewhere, clients
 * hear that their connections will end, and what still comes is served. It can be taken back.
 */
export class DrainNotice implements DrainControl {
  private readonly deps: DrainNoticeDeps;
  private current: DrainState = 'serving';
  private timer: Timer | undefined = undefined;
  private announcedAtMs = 0;

  constructor(deps: DrainNoticeDeps) {
    this.deps = deps;
  }

  get state(): DrainState {
    return this.current;
  }

  get isDraining(): boolean {
    return this.current !== 'serving';
  }

  begin(isHeld: boolean): void {
    if (this.current === 'stopping') return;
    this.announce();
    this.deps.clock.clear(this.timer);
    this.timer = isHeld ? undefined : this.deps.clock.after(this.leftMs, this.deps.stop);
  }

  cancel(): boolean {
    if (this.current === 'stopping') return false;
    this.deps.clock.clear(this.timer);
    if (this.current === 'announced') this.deps.announce(false);
    this.current = 'serving';
    return true;
  }

  /** Resolves when everything may stop; from now on nothing takes it back. */
  async finish(): Promise<void> {
    this.deps.clock.clear(this.timer);
    const { delayMs, clock } = this.deps;
    if (delayMs() > 0) this.announce();
    this.current = 'stopping';
    const { leftMs } = this;
    if (leftMs > 0) await new Promise<void>((resolve) => clock.after(leftMs, resolve));
  }

  /** Nothing more is to come of it: another process goes on. */
  end(): void {
    this.deps.clock.clear(this.timer);
    this.current = 'stopping';
  }

  private announce(): void {
    if (this.current === 'announced') return;
    this.current = 'announced';
    this.announcedAtMs = this.deps.clock.now();
    this.deps.announce(true);
  }

  private get leftMs(): number {
    return Math.max(0, this.announcedAtMs + this.deps.delayMs() - this.deps.clock.now());
  }
}
