import { readdirSync, readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { localShortage } from '../net/local-shortage.ts';
import { residentBytes } from '../resident-bytes.ts';
import { trimMemory } from '../tls/native-addon.ts';

/** What this process may take, as the kernel has it now. */
export interface OwnLimits {
  /** RLIMIT_NOFILE, which may change while the process runs; undefined where no descriptor is left to read it by. */
  descriptors(): number | undefined;
  /** Descriptors that are open; undefined where they cannot be counted, as when there is none left to count them with. */
  openDescriptors(): number | undefined;
  /** Resident memory. */
  residentBytes(): number;
  /** Of V8, where it has been told to offer that, and of malloc, where there is the TLS addon. */
  collectGarbage(): void;
  /** What this process and its siblings may take together: of the machine, or of the cgroup. */
  readonly machineBytes: number;
}

export const ownLimits: OwnLimits = {
  descriptors() {
    try {
      const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
      return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
    } catch (error) {
      return localShortage((error as NodeJS.ErrnoException).code ?? '') === undefined
        ? Number.POSITIVE_INFINITY
        : undefined;
    }
  },
  openDescriptors() {
    try {
      // One of them is the directory.
      return readdirSync('/proc/self/fd').length - 1;
    } catch {
      return undefined;
    }
  },
  residentBytes,
  collectGarbage: () => {
    globalThis.gc?.();
    trimMemory();
  },
  // Without a limit of the cgroup Node says 0, or more than there is.
  machineBytes: Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem()),
};
