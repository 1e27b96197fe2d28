import type { Machine } from './machine.ts';

/** The tightest limits on the way from this process's control group to the root; undefined where there is none. */
export interface Cgroup {
  readonly memory: { readonly max: number; readonly used: number } | undefined;
  readonly pids: { readonly max: number; readonly used: number } | undefined;
}

/** Both versions of control groups; a limit of a group above counts as well. */
export function readCgroup(machine: Machine): Cgroup {
  const groups = machine.read('/proc/self/cgroup') ?? '';
  return {
    memory: tightest(machine, groups, 'memory', [
      { max: 'memory.max', used: 'memory.current' },
      { max: 'memory.limit_in_bytes', used: 'memory.usage_in_bytes' },
    ]),
    pids: tightest(machine, groups, 'pids', [
      { max: 'pids.max', used: 'pids.current' },
      { max: 'pids.max', used: 'pids.current' },
    ]),
  };
}

/** Version 1 says «no limit» with the largest number of pages (PAGE_COUNTER_MAX). */
const NO_LIMIT = 2 ** 62;

function tightest(
  machine: Machine,
  groups: string,
  controller: string,
  [second, first]: readonly [Names, Names],
): { max: number; used: number } | undefined {
  const one = new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$`, 'm').exec(groups)?.[1];
  const path = one ?? /^0::(.*)$/m.exec(groups)?.[1];
  if (path === undefined) return undefined;
  const base = one === undefined ? '/sys/fs/cgroup' : `/sys/fs/cgroup/${controller}`;
  const names = one === undefined ? second : first;
  let found: { max: number; used: number } | undefined;
  const parts = path.split('/').filter((part) => part !== '' && part !== '..');
  for (let depth = parts.length; depth >= 0; depth--) {
    const folder = [base, ...parts.slice(0, depth)].join('/');
    const max = Number(machine.read(`${folder}/${names.max}`) ?? 'max');
    const used = Number(machine.read(`${folder}/${names.used}`) ?? 0);
    if (Number.isNaN(max) || max >= NO_LIMIT) continue;
    if (found === undefined || max - used < found.max - found.used) found = { max, used };
  }
  return found;
}

interface Names {
  readonly max: string;
  readonly used: string;
}
