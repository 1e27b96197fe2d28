import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLineOf } from './process-facts.ts';

const pidFile = (directory: string): string => join(directory, 'kernel.pid');

/** Notes which process does the kernel engine's work, for the next primary. Never throws. */
export function noteKernelProcess(directory: string, pid: number): void {
  try {
    writeFileSync(pidFile(directory), `${pid}\n`);
  } catch {
    // A disk that is full is no reason not to serve: only a process that hangs would be left behind.
  }
}

/**
 * Kills the process of an earlier run that is still there, and returns its number; undefined for none. It ends by itself with its primary, but not
 * while it is stopped; and it has the queue that the next one needs. `program`: the name of its file.
 */
export function killStrayKernelProcess(directory: string, program: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile(directory), 'latin1'));
    // Node's own flags stand before the file.
    if (!commandLineOf(pid).some((word) => word.endsWith(`/${program}`))) return undefined;
    process.kill(pid, 'SIGKILL');
    return pid;
  } catch {
    // None was noted, or it has ended.
    return undefined;
  }
}
