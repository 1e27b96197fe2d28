import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock, Timer } from '../clock.ts';

const NOTICE_MAIN = fileURLToPath(new URL('./notice-main.js', import.meta.url));
const RESTART_MS = 100;
const LAST_RESTART_MS = 10_000;

/**
 * Tells of every change of a link or an address of this network namespace. A process of its own listens: when more happens than the
 * socket can hold, the kernel marks it with ENOBUFS, and `netlink` 0.3.0 then aborts the process that it is in (its ErrnoException makes a
 * string of a null pointer when uv_poll reports an error). That process is started again, and `onLost` says that something was missed.
 */
export class Notices {
  private readonly clock: Clock;
  private readonly onChange: () => void;
  private readonly onLost: () => void;
  private child: ChildProcess | undefined = undefined;
  private restarting: Timer | undefined = undefined;
  private delayMs = RESTART_MS;
  private isStopped = false;

  constructor(deps: { readonly clock: Clock; readonly onChange: () => void; readonly onLost: () => void }) {
    this.clock = deps.clock;
    this.onChange = deps.onChange;
    this.onLost = deps.onLost;
  }

  /** The process that listens, while one does. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Resolves when every later change is told of. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      const child = fork(NOTICE_MAIN, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv: [] });
      this.child = child;
      child.on('message', (message) => {
        if (message === 'ready') {
          this.delayMs = RESTART_MS;
          resolve();
        } else {
          this.onChange();
        }
      });
      child.on('error', () => {});
      child.on('exit', () => {
        resolve();
        if (this.child !== child || this.isStopped) return;
        this.child = undefined;
        this.restarting = this.clock.after(this.delayMs, () => void this.start().then(this.onLost));
        this.delayMs = Math.min(LAST_RESTART_MS, this.delayMs * 2);
      });
      child.unref();
      child.channel?.unref();
    });
  }

  /** Idempotent. */
  stop(): void {
    this.isStopped = true;
    this.clock.clear(this.restarting);
    if (this.child?.connected === true) this.child.disconnect();
    this.child = undefined;
  }
}
