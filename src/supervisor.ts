import type { Clock, Timer } from '../lb/clock.ts';

/** What the supervisor needs of a process. */
export interface Child {
  readonly pid?: number | undefined;
  kill(signal: NodeJS.Signals): unknown;
  on(event: 'exit', listener: (code: number | null, signal: NodeJS.Signals | null) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export interface SupervisorDeps<C extends Child> {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly spawn: () => C;
  /** A process was started; the first, or one in place of one that died. Or one that was there already was taken over. */
  readonly onStart: (child: C) => void;
  /** The process is gone without having been asked to go; another one follows after `delayMs`. */
  readonly onDeath: (cause: string, delayMs: number) => void;
}

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 30_000;
/** A process that has lived so long has not died of its start: it is started anew at once. */
const STABLE_MS = 2000;
/** Nor has one that has done its work for so long. */
const STABLE_WORK_MS = 1000;

/** Keeps one child process alive: starts it, and starts it anew with a growing delay when it dies. */
export class Supervisor<C extends Child> {
  restarts = 0;
  private readonly deps: SupervisorDeps<C>;
  private child: C | undefined = undefined;
  private timer: Timer | undefined = undefined;
  private startedAtMs = 0;
  private workingSinceMs = Number.POSITIVE_INFINITY;
  private delayMs = FIRST_DELAY_MS;
  private isTakenOver = false;
  private isStopping = false;
  private onGone: (() => void) | undefined = undefined;

  constructor(deps: SupervisorDeps<C>) {
    this.deps = deps;
  }

  /** The process that runs now, if one does. */
  get current(): C | undefined {
    return this.child;
  }

  start(): void {
    this.isTakenOver = false;
    this.watch(this.deps.spawn());
  }

  /** Instead of `start`: a process that has been there for longer than this. `restarts`: of what it counts from. */
  takeOver(child: C, restarts: number): void {
    this.isTakenOver = true;
    this.restarts = restarts;
    this.watch(child);
  }

  private watch(child: C): void {
    this.startedAtMs = this.deps.clock.now();
    this.workingSinceMs = Number.POSITIVE_INFINITY;
    this.child = child;
    child.on('exit', (code, signal) => this.handleExit(child, signal ?? causeOf(code)));
    child.on('error', (error) => this.handleExit(child, error.message));
    this.deps.onStart(child);
  }

  /** The child has started, and does its work now. */
  onWorking(): void {
    this.workingSinceMs = this.deps.clock.now();
  }

  private handleExit(child: C, cause: string): void {
    if (this.child !== child) return;
    this.child = undefined;
    if (this.isStopping) {
      this.onGone?.();
      return;
    }
    const { clock, random, onDeath } = this.deps;
    const nowMs = clock.now();
    const isStable =
      this.isTakenOver || nowMs - this.startedAtMs >= STABLE_MS || nowMs - this.workingSinceMs >= STABLE_WORK_MS;
    const delayMs = isStable ? 0 : this.delayMs * (0.75 + random() / 2);
    this.delayMs = isStable ? FIRST_DELAY_MS : Math.min(MAX_DELAY_MS, this.delayMs * 2);
    this.restarts++;
    this.timer = clock.after(delayMs, () => this.start());
    onDeath(cause, delayMs);
  }

  /**
   * No more restarts. `ask` tells the process to finish; it is killed if it is still there after `deadlineMs`. Resolves when it is gone.
   * Idempotent.
   */
  stop(ask: (child: C) => void, deadlineMs: number): Promise<void> {
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

  /** The process goes on without this: it is not watched any more. */
  letGo(): C | undefined {
    this.isStopping = true;
    this.deps.clock.clear(this.timer);
    const { child } = this;
    this.child = undefined;
    return child;
  }

  kill(): void {
    this.isStopping = true;
    this.deps.clock.clear(this.timer);
    this.child?.kill('SIGKILL');
  }
}

function causeOf(code: number | null): string {
  return code === null ? 'its connection ended' : `exit status ${code}`;
}
