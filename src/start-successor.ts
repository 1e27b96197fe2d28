import { spawn } from 'node:child_process';

/**
 * Starts the same command line anew, which may be another version by now, to take over from this process. What it says on its way goes where
 * this one's does; should it end before it has taken over, nothing has changed.
 */
export function startSuccessor(deps: {
  readonly env: NodeJS.ProcessEnv;
  readonly log: (message: string) => void;
  /** It has ended before it took over; `reason` goes on from «the new process». */
  readonly onFailed: (reason: string) => void;
}): void {
  const args = [...process.execArgv, ...process.argv.slice(1)];
  const child = spawn(process.execPath, args, { stdio: 'inherit', env: deps.env });
  deps.log(`starting process ${child.pid} to take over`);
  child.on('error', (error) => {
    deps.onFailed(`could not be started (${error.message})`);
  });
  child.on('exit', (code, signal) => {
    deps.onFailed(`ended (${signal ?? `exit status ${code}`})`);
  });
  child.unref();
}
