import { cpuMicroseconds, memoryOf } from '../process-usage.ts';
import type { HolderName } from './holders.ts';

export interface ScaleResult {
  readonly name: HolderName;
  readonly processes: number;
  readonly open: number;
  readonly perSecond: number;
  /** Growth of the memory of all its processes together, for each connection; what the kernel has for a socket is not in it. */
  readonly residentBytes: number;
  /** The same, of pages that processes share their share. */
  readonly proportionalBytes: number;
  /** CPU time of its processes to open one. */
  readonly openMicroseconds: number;
  /** CPU time of its processes in a second with all of them idle. */
  readonly heldMilliseconds: number;
  readonly isFine: boolean;
}

export interface Usage {
  readonly residentBytes: number;
  readonly proportionalBytes: number;
  readonly cpuMicroseconds: number;
}

export function sumUsage(pids: readonly number[]): Usage {
  const memory = pids.map(memoryOf);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return {
    residentBytes: sum(memory.map(({ residentBytes }) => residentBytes)),
    proportionalBytes: sum(memory.map(({ proportionalBytes }) => proportionalBytes)),
    cpuMicroseconds: sum(pids.map(cpuMicroseconds)),
  };
}

/** As Markdown. */
export function table(results: readonly ScaleResult[]): string {
  const rows = results.map((result) => [
    result.name,
    String(result.processes),
    result.open.toLocaleString('en'),
    result.perSecond.toFixed(0),
    result.residentBytes.toFixed(0),
    result.proportionalBytes.toFixed(0),
    result.openMicroseconds.toFixed(0),
    result.heldMilliseconds.toFixed(1),
  ]);
  const head = ['through', 'processes', 'open', 'a second', 'RSS, bytes each', 'PSS, bytes each'];
  const columns = [...head, 'CPU µs to open one', 'CPU ms a second, idle'];
  return [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
