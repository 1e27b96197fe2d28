import { spawn } from 'node:child_process';

/**
 * Starts the same command line anew, which may be another version by now, to take over from this process. What it says on its way goes where
 * this one's does; should it end before it has taken over, nothing has changed.
 */
export function startSuccessor(deps: {
  readonly env: NodeJS.ProcessEnv;
  readonly log: (message: string) => void;
  /** It has ended before it took over. */
  readonly onFailed: () => void;
}): void {
  const args = [...process.execArgv, ...process.argv.slice(1)];
  const child = spawn(process.execPath, args, { stdio: 'inherit', env: deps.env });
  deps.log(`starting process ${child.pid} to take over`);
  child.on('error', (error) => {
    deps.log(`the new process could not be started (${error.message}); this one goes on`);
    deps.onFailed();
  });
  child.on('exit', (code, signal) => {
    deps.log(`the new process ended (${signal ?? `exit status ${code}`}); this one goes on`);
    deps.onFailed();
  });
  child.unref();
}
