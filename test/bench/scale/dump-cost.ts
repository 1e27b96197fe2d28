// What reading all sockets of this namespace costs, with the kernel's filter and without. Arguments: the source addresses.
import { openSocketDump } from '../../../lb/netlink/socket-dump.ts';

export interface DumpCost {
  readonly isFiltered: boolean;
  readonly sockets: number;
  /** By source. */
  readonly established: readonly number[];
  readonly isComplete: boolean;
  /** The median of the rounds. */
  readonly totalMs: number;
  /** The longest that the event loop stood still in any round. */
  readonly longestBlockMs: number;
}

const ESTABLISHED = 1;
const ROUNDS = 7;
const sources = process.argv.slice(2);
const dump = openSocketDump();

async function measure(isFiltered: boolean): Promise<DumpCost> {
  const times: number[] = [];
  let longestBlockMs = 0;
  let last = performance.now();
  let isOn = true;
  const tick = (): void => {
    const now = performance.now();
    longestBlockMs = Math.max(longestBlockMs, now - last);
    last = now;
    if (isOn) setImmediate(tick);
  };
  tick();
  let established: number[] = [];
  let result = { sockets: 0, isComplete: false };
  for (let round = 0; round < ROUNDS; round++) {
    established = sources.map(() => 0);
    const started = performance.now();
    result = await dump.dump({ sources, states: 0xfff, families: [4], isFiltered }, (batch) => {
      for (let i = 0; i < batch.count; i++)
        if (batch.source[i]! < established.length && batch.state[i] === ESTABLISHED) established[batch.source[i]!]!++;
    });
    times.push(performance.now() - started);
  }
  isOn = false;
  times.sort((a, b) => a - b);
  return { isFiltered, ...result, established, totalMs: times[ROUNDS >> 1]!, longestBlockMs };
}

const costs = [await measure(true), await measure(false)];
dump.close();
process.send?.(costs, () => process.disconnect());
