import type { ChildProcess } from 'node:child_process';
import type { Clock, Timer } from '../lb/clock.ts';

/** What the supervisor needs of a child process. */
export type Child = Pick<ChildProcess, 'pid' | 'kill' | 'send' | 'on'>;

export interface SupervisorDeps {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly spawn: () => Child;
  /** A process was started; the first, or one in place of one that died. */
  readonly onStart: (child: Child) => void;
  /** The process is gone without having been asked to go; another one follows after `delayMs`. */
  readonly onDeath: (cause: string, delayMs: number) => void;
}

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 30_000;
/** A process that has lived so long has not died of its start: the next delay is the first one again. */
const STABLE_MS = 10_000;

/** Keeps one child process alive: starts it, and starts it anew with a growing delay when it dies. */
export class Supervisor {
  restarts = 0;
  private readonly deps: SupervisorDeps;
  private child: Child | undefined = undefined;
  private timer: Timer | undefined = undefined;
  private startedAtMs = 0;
  private delayMs = FIRST_DELAY_MS;
  private isStopping = false;
  private onGone: (() => void) | undefined = undefined;

  constructor(deps: SupervisorDeps) {
    this.deps = deps;
  }

  /** The process that runs now, if one does. */
  get current(): Child | undefined {
    return this.child;
  }

  start(): void {
    this.startedAtMs = this.deps.clock.now();
    const child = this.deps.spawn();
    this.child = child;
    child.on('exit', (code, signal) => this.handleExit(child, signal ?? `exit status ${code}`));
    child.on('error', (error) => this.handleExit(child, error.message));
    this.deps.onStart(child);
  }

  private handleExit(child: Child, cause: string): void {
    if (this.child !== child) return;
    this.child = undefined;
    if (this.isStopping) {
      this.onGone?.();
      return;
    }
    const { clock, random, onDeath } = this.deps;
    if (clock.now() - this.startedAtMs >= STABLE_MS) this.delayMs = FIRST_DELAY_MS;
    const delayMs = this.delayMs * (0.75 + random() / 2);
    this.delayMs = Math.min(MAX_DELAY_MS, this.delayMs * 2);
    this.restarts++;
    this.timer = clock.after(delayMs, () => this.start());
    onDeath(cause, delayMs);
  }

  /**
   * No more restarts. `ask` tells the process to finish; it is killed if it is still there after `deadlineMs`. Resolves when it is gone.
   * Idempotent.
   */
  stop(ask: (child: Child) => void, deadlineMs: number): Promise<void> {
    this.isStopping = true;
    this.deps.clock.clear(this.timer);
    const { child } = this;
    if (child === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.deps.clock.after(deadlineMs, () => child.kill('SIGKILL'));
      this.onGone = () => {
        this.deps.clock.clear(timer);
        resolve();
      };
      ask(child);
    });
  }

  kill(): void {
    this.isStopping = true;
    this.deps.clock.clear(this.timer);
    this.child?.kill('SIGKILL');
  }
}
