import { type Memory, memoryOf } from './process-usage.ts';

/** Memory counts as settled when it changes by less than this from one look to the next, three times in a row. */
const STEADY_BYTES = 128 * 1024;
const LOOK_MS = 250;
const MAX_LOOKS = 60;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The memory of a process once it has come to rest; no collection is forced. */
export async function settledMemory(pid: number): Promise<Memory> {
  let last = memoryOf(pid);
  for (let look = 0, steady = 0; steady < 3 && look < MAX_LOOKS; look++) {
    await wait(LOOK_MS);
    const now = memoryOf(pid);
    steady = Math.abs(now.residentBytes - last.residentBytes) < STEADY_BYTES ? steady + 1 : 0;
    last = now;
  }
  return last;
}
