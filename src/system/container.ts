import type { Machine } from './machine.ts';

/** What kind of container this is, in a word; undefined outside of any. Looks where container managers leave their mark. */
export function findContainer(machine: Machine): string | undefined {
  // Written by systemd for whoever may not read the environment of process 1.
  const marked = machine.read('/run/systemd/container')?.trim();
  if (marked !== undefined && marked !== '') return marked;
  if (machine.exists('/.dockerenv')) return 'docker';
  if (machine.exists('/run/.containerenv')) return 'podman';
  const named = /(?:^|\0)container=([^\0]+)/.exec(machine.read('/proc/1/environ') ?? '')?.[1];
  if (named !== undefined) return named;
  const groups = machine.read('/proc/1/cgroup') ?? '';
  return /kubepods/.test(groups) ? 'kubernetes' : /\/(docker|lxc)\//.exec(groups)?.[1];
}
