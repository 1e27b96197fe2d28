import type { Clock, Timer } from '../lb/clock.ts';
import type { EventLog } from './event-log.ts';
import type { LinkedProcess } from './linked-process.ts';

/** After the planes are up, and after one has died: until then a plane that starts has the processor to itself. */
const DELAY_MS = 10_000;
/** After one was taken, which needs some milliseconds: the next plane may die soon, too. */
const NEXT_MS = 250;
/** Its name while it has no work. */
export const SPARE = 'spare';

export interface SparePlaneDeps {
  readonly clock: Clock;
  readonly log: EventLog;
  readonly start: (id: string) => LinkedProcess;
}

/**
 * One plane that has started, has loaded its code, and has nothing to do: it takes the place of one that dies in the time that a few messages
 * need. It costs the memory of an idle plane. When this process dies it ends, as it has not begun anything.
 */
export class SparePlane {
  private readonly deps: SparePlaneDeps;
  private process: LinkedProcess | undefined = undefined;
  private isReady = false;
  private timer: Timer | undefined = undefined;

  constructor(deps: SparePlaneDeps) {
    this.deps = deps;
  }

  /** There will be one soon, and another one whenever it was taken or has died. Idempotent. */
  start(): void {
    this.prepareAfter(DELAY_MS);
  }

  private prepareAfter(delayMs: number): void {
    const { clock } = this.deps;
    clock.clear(this.timer);
    this.timer = clock.after(delayMs, () => this.prepare());
  }

  private prepare(): void {
    const child = this.deps.start(SPARE);
    this.process = child;
    child.once('message', () => {
      this.isReady = true;
      this.deps.log.emit({ type: 'notice', message: `a spare plane (process ${child.pid}) stands by` });
    });
    const onEnd = (): void => {
      this.process = undefined;
      this.isReady = false;
      this.start();
    };
    child.on('exit', onEnd);
    child.on('error', onEnd);
  }

  /** The one that stands by, as `id` from now on; it says hello as if it had just started. Undefined where there is none. */
  take(id: string): LinkedProcess | undefined {
    const child = this.process;
    if (child === undefined || !this.isReady) return undefined;
    this.process = undefined;
    this.isReady = false;
    child.removeAllListeners();
    child.rename(id);
    queueMicrotask(() => child.emit('message', { type: 'hello' } as never, undefined));
    this.prepareAfter(NEXT_MS);
    return child;
  }

  /** Ends it; there will be none. Idempotent. */
  stop(): void {
    this.deps.clock.clear(this.timer);
    this.process?.removeAllListeners('exit');
    this.process?.kill('SIGKILL');
    this.process = undefined;
    this.isReady = false;
  }
}
