import { readFileSync, writeFileSync } from 'node:fs';

/** USER_HZ of Linux: /proc/PID/stat counts in hundredths of a second on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

/** User and system time of a process with all its threads, in microseconds. */
export function cpuMicroseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name may hold spaces, and ends with the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND;
}

/** Time that all cores together have not been idle, interrupts included, in microseconds. */
export function machineCpuMicroseconds(): number {
  const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'latin1')
    .split('\n')[0]!
    .split(/\s+/)
    .map(Number);
  return ((user! + nice! + system! + irq! + softirq!) * 1e6) / TICKS_PER_SECOND;
}

export interface Memory {
  readonly residentBytes: number;
  /** Pages shared with other processes count by their share. */
  readonly proportionalBytes: number;
}

/** Exact, unlike VmRSS of /proc/PID/status, which the kernel sums up lazily. */
export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  return { residentBytes: kilobytes(text, 'Rss') * 1024, proportionalBytes: kilobytes(text, 'Pss') * 1024 };
}

/** Lets `peakBytes` count from now (clear_refs 5, see proc(5)). */
export const resetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5');

/** The most that was resident at any moment since the process started or `resetPeak`. */
export const peakBytes = (pid: number): number =>
  kilobytes(readFileSync(`/proc/${pid}/status`, 'latin1'), 'VmHWM') * 1024;

function kilobytes(text: string, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text);
  if (match === null) throw new Error(`the kernel tells no ${field}`);
  return Number(match[1]);
}
