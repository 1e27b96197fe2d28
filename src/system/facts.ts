import { type Cgroup, readCgroup } from './cgroup.ts';
import { findContainer } from './container.ts';
import type { Machine } from './machine.ts';

export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

/** What a machine is like; undefined where it does not say. */
export interface Facts {
  readonly cpuCount: number;
  readonly memoryBytes: number | undefined;
  readonly availableBytes: number | undefined;
  /** Descriptors that this process may have, and so those that it starts. */
  readonly nofile: Limit | undefined;
  /** Effective capabilities of this process, a bit each (linux/capability.h). */
  readonly capabilities: bigint | undefined;
  /** Whether root could give a process more descriptors than its hard limit; a container may keep that from it. */
  readonly canRaiseLimits: boolean;
  /** Of all processes: open files now. */
  readonly openFiles: number | undefined;
  readonly cgroup: Cgroup;
  readonly kernel: string | undefined;
  readonly clockSource: string | undefined;
  /** `docker`, `lxc` …; undefined outside of any. */
  readonly container: string | undefined;
  readonly hasSystemd: boolean;
  /** In use: the kernel follows connections in this network namespace. */
  readonly conntrack: { readonly count: number; readonly max: number } | undefined;
}

const CAP_SYS_RESOURCE = 1n << 24n;

/** Reads some twenty small files; no privilege is needed. */
export function readFacts(machine: Machine, cpuCount: number): Facts {
  const meminfo = machine.read('/proc/meminfo') ?? '';
  const status = machine.read('/proc/self/status') ?? '';
  const capabilities = /^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1];
  const bounding = /^CapBnd:\s*([0-9a-f]+)/m.exec(status)?.[1];
  const max = number(machine.sysctl('net.netfilter.nf_conntrack_max'));
  const count = number(machine.sysctl('net.netfilter.nf_conntrack_count'));
  return {
    cpuCount,
    memoryBytes: kib(meminfo, 'MemTotal'),
    availableBytes: kib(meminfo, 'MemAvailable'),
    nofile: readNofile(machine.read('/proc/self/limits') ?? ''),
    capabilities: capabilities === undefined ? undefined : BigInt(`0x${capabilities}`),
    canRaiseLimits: bounding === undefined || (BigInt(`0x${bounding}`) & CAP_SYS_RESOURCE) !== 0n,
    openFiles: number(machine.sysctl('fs.file-nr')?.split(' ')[0]),
    cgroup: readCgroup(machine),
    kernel: machine.sysctl('kernel.osrelease'),
    clockSource: machine.read('/sys/devices/system/clocksource/clocksource0/current_clocksource')?.trim(),
    container: findContainer(machine),
    // The way of sd_booted(3).
    hasSystemd: machine.exists('/run/systemd/system'),
    conntrack: max === undefined || count === undefined ? undefined : { count, max },
  };
}

export function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function kib(meminfo: string, name: string): number | undefined {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo);
  return match === null ? undefined : Number(match[1]) * 1024;
}

/** `/proc/PID/limits`. */
export function readNofile(limits: string): Limit | undefined {
  const match = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(limits);
  if (match === null) return undefined;
  const value = (text: string): number => (text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text));
  return { soft: value(match[1]!), hard: value(match[2]!) };
}
