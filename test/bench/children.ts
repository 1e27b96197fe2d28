import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** How long a process that was told to end may take before it is killed. */
const GRACE_MS = 5000;

/** Every process that the harness starts goes through here, so that none outlives it. */
export class Children {
  private readonly running = new Set<ChildProcess>();
  private isStopping = false;

  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    if (this.isStopping) throw new Error('the benchmark is stopping');
    const child = spawn(command, args, options);
    // Node 20 sends the signal of `kill` to the whole process group of the caller when there was no process to start.
    if (child.pid !== undefined) {
      this.running.add(child);
      child.once('exit', () => this.running.delete(child));
    }
    return child;
  }

  /** Runs a module of the benchmark with an IPC channel, whose end ends it. */
  fork(module: URL, args: readonly string[], nodeFlags: readonly string[] = []): ChildProcess {
    return this.spawn(process.execPath, [...nodeFlags, fileURLToPath(module), ...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  /** Resolves when the process is gone; at once for one that is. */
  async end(child: ChildProcess): Promise<void> {
    if (!this.running.has(child)) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    await gone;
    clearTimeout(timer);
  }

  /** Ends all, the last first; none can be started after it. */
  async stop(): Promise<void> {
    this.isStopping = true;
    for (const child of [...this.running].reverse()) await this.end(child);
  }

  /** For the `exit` of the harness, where nothing can be waited for. */
  signalAll(): void {
    for (const child of this.running) child.kill('SIGTERM');
  }
}

/** The next IPC message of a process; rejects when it ends without one. */
export function nextMessage<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      child.off('error', onError);
    };
    const onMessage = (message: unknown): void => {
      settle();
      resolve(message as T);
    };
    const onExit = (code: number | null, signal: string | null): void => {
      settle();
      reject(new Error(`${child.spawnargs.join(' ')} ended with ${signal ?? code}`));
    };
    const onError = (error: Error): void => {
      settle();
      reject(error);
    };
    child.on('message', onMessage);
    child.on('exit', onExit);
    child.on('error', onError);
  });
}
