import { bytes, count } from '../format.ts';
import { bytesPerConnection, isForwardedByKernel } from '../needs.ts';
import type { Context, Judgement, Setting } from '../setting.ts';

const CAP_NET_BIND_SERVICE = 10n;
const CAP_NET_ADMIN = 12n;
/** libuv's and V8's threads of a Node process. */
const THREADS = 11;
const OTHER_TASKS = 64;
/** Clocks that a process reads without asking the kernel. */
const FAST_CLOCKS = ['tsc', 'kvm-clock', 'hyperv_clocksource_tsc_page', 'arch_sys_counter', 'xen'];
/** In 5.4 the accept queue's default grew to 4096, and it is the oldest that is still looked after. */
const OLDEST_KERNEL = [5, 4] as const;

type Verdict = Omit<Judgement, 'changes'>;
const judged =
  (judge: (context: Context) => Verdict): Setting['judge'] =>
  (context) => ({ ...judge(context), changes: [] });
const unknown = (wanted: string): Verdict => ({
  severity: 'skip',
  current: undefined,
  wanted,
  formula: 'cannot be read here',
});

function needsCapabilities({ demand, machine }: Context): (readonly [bigint, string, string])[] {
  const lowest = Number(machine.sysctl('net.ipv4.ip_unprivileged_port_start') ?? 1024);
  return [
    ...(demand.claims || demand.engines.has('kernel')
      ? [[CAP_NET_ADMIN, 'CAP_NET_ADMIN', 'addresses and forwarding'] as const]
      : []),
    ...(demand.listenerPorts.some((port) => port < lowest)
      ? [[CAP_NET_BIND_SERVICE, 'CAP_NET_BIND_SERVICE', `ports below ${lowest}`] as const]
      : []),
  ];
}

export const machineSettings: readonly Setting[] = [
  {
    id: 'memory',
    title: 'free memory',
    why: 'an open connection takes memory of the kernel and of a plane, even when it says nothing',
    ifLeft: 'the kernel kills a process when there is none left',
    risk: 'none',
    judge: judged(({ facts, demand }) => {
      const need = demand.connections * bytesPerConnection(demand);
      const wanted = `at least ${bytes(need)}`;
      const formula = `${count(demand.connections)} connections × ${bytes(bytesPerConnection(demand))}`;
      if (facts.availableBytes === undefined) return unknown(wanted);
      return {
        severity: facts.availableBytes >= need ? 'pass' : 'fail',
        current: bytes(facts.availableBytes),
        wanted,
        formula,
      };
    }),
  },
  {
    id: 'cgroup.memory',
    title: 'memory of the group',
    why: 'a control group, of a container or a service, has a limit of its own below what the machine has',
    ifLeft: 'the kernel kills a process of the group when it is reached',
    risk: 'whoever set it wanted to protect others',
    judge: judged(({ facts, demand }) => {
      const need = demand.connections * bytesPerConnection(demand);
      const wanted = `at least ${bytes(need)} free`;
      const group = facts.cgroup.memory;
      if (group === undefined) return { ...unknown(wanted), formula: 'no limit' };
      const formula = `${count(demand.connections)} connections × ${bytes(bytesPerConnection(demand))}`;
      const isEnough = group.max - group.used >= need;
      const current = `${bytes(Math.max(0, group.max - group.used))} free`;
      return {
        severity: isEnough ? 'pass' : 'fail',
        current,
        wanted,
        formula,
        manual: ['# the host or systemd sets MemoryMax'],
      };
    }),
  },
  {
    id: 'cgroup.pids',
    title: 'tasks of the group',
    why: `a Node process has about ${THREADS} threads, and a control group allows only so many`,
    ifLeft: 'planes and workers cannot start',
    risk: 'whoever set it wanted to protect others',
    judge: judged(({ facts, demand, planes }) => {
      const need = (planes + demand.workers + 1) * THREADS + OTHER_TASKS;
      const wanted = `at least ${count(need)} free`;
      const group = facts.cgroup.pids;
      if (group === undefined) return { ...unknown(wanted), formula: 'no limit' };
      const free = Math.max(0, group.max - group.used);
      const formula = `(${planes} planes + ${demand.workers} workers + 1) × ${THREADS} threads + ${OTHER_TASKS}`;
      return {
        severity: free >= need ? 'pass' : 'fail',
        current: `${count(free)} free`,
        wanted,
        formula,
        manual: ['# the host or systemd sets TasksMax'],
      };
    }),
  },
  {
    id: 'capabilities',
    title: 'what this process may do',
    why: 'claiming addresses takes CAP_NET_ADMIN, ports below 1024 take CAP_NET_BIND_SERVICE; nothing else is needed',
    ifLeft: 'Portico does not start with this config, unless the service has them',
    risk: 'a process with CAP_NET_ADMIN can change the network of the machine',
    judge: judged((context) => {
      const needs = needsCapabilities(context);
      const wanted = needs.length === 0 ? 'none' : needs.map(([, name]) => name).join(' ');
      const formula = needs.length === 0 ? 'nothing needs one' : needs.map(([, , why]) => why).join(', ');
      const own = context.facts.capabilities;
      if (own === undefined) return unknown(wanted);
      const missing = needs.filter(([bit]) => (own & (1n << bit)) === 0n).map(([, name]) => name);
      const current = missing.length === 0 ? wanted : `without ${missing.join(' ')}`;
      if (missing.length === 0) return { severity: 'pass', current, wanted, formula };
      const manual = ['portico setup --unit  # a service that has them', '# or start Portico as root'];
      return { severity: 'warn', current, wanted, formula, manual };
    }),
  },
  {
    id: 'cpus',
    title: 'processors',
    why: 'each plane uses one; they share what there is',
    ifLeft: 'nothing: fewer processors mean fewer requests a second, not fewer connections',
    risk: 'none',
    judge: judged(({ facts }) => ({
      severity: 'pass',
      current: String(facts.cpuCount),
      wanted: 'at least 1',
      formula: 'a plane on each',
    })),
  },
  {
    id: 'kernel',
    title: 'version of Linux',
    why: 'older ones lack what Portico leans on, and their defaults are for small machines',
    ifLeft: 'some of these settings are missing, and queues are short',
    risk: 'none',
    judge: judged(({ facts }) => {
      const wanted = `at least ${OLDEST_KERNEL.join('.')}`;
      const match = /^(\d+)\.(\d+)/.exec(facts.kernel ?? '');
      if (match === null) return unknown(wanted);
      const [major, minor] = [Number(match[1]), Number(match[2])];
      const isNew = major > OLDEST_KERNEL[0] || (major === OLDEST_KERNEL[0] && minor >= OLDEST_KERNEL[1]);
      return { severity: isNew ? 'pass' : 'warn', current: `${major}.${minor}`, wanted, formula: 'still looked after' };
    }),
  },
  {
    id: 'modules',
    title: 'modules of the kernel',
    why: 'the kernel engine needs nf_tables and nf_conntrack; a setting of a module is there once it is loaded',
    ifLeft: 'listeners of the kernel engine do not start',
    risk: 'a module that follows connections follows those of others too, where a rule asks for it',
    judge: judged(({ machine, demand }) => {
      const wanted = demand.engines.has('kernel') ? 'nf_conntrack nf_nat' : 'none';
      if (!demand.engines.has('kernel'))
        return { severity: 'pass', current: 'none', wanted, formula: 'no listener uses the kernel engine' };
      const isThere = machine.exists('/proc/sys/net/netfilter/nf_conntrack_max');
      const formula = 'a listener uses the kernel engine';
      return isThere
        ? { severity: 'pass', current: wanted, wanted, formula }
        : {
            severity: 'warn',
            current: 'not loaded',
            wanted,
            formula,
            manual: ['modprobe -a nf_conntrack nf_nat', 'echo nf_conntrack > /etc/modules-load.d/nf_conntrack.conf'],
          };
    }),
  },
  {
    id: 'clock',
    title: 'clock',
    why: 'time is read for every event; a slow clock costs a system call each time',
    ifLeft: 'several per cent of CPU go into reading the time',
    risk: 'a clock that the kernel found unstable should not be forced',
    judge: judged(({ facts }) => {
      const wanted = 'tsc or the hypervisor’s';
      if (facts.clockSource === undefined) return unknown(wanted);
      const isFast = FAST_CLOCKS.includes(facts.clockSource);
      return {
        severity: isFast ? 'pass' : 'warn',
        current: facts.clockSource,
        wanted,
        formula: 'read without a system call',
        ...(isFast ? {} : { manual: ['# boot parameter: clocksource=tsc'] }),
      };
    }),
  },
  {
    id: 'container',
    title: 'container',
    why: 'in a container some settings are the host’s, and files written inside go with it',
    ifLeft: 'what is the host’s stays as the host has it',
    risk: 'none',
    judge: judged(({ facts, demand }) => ({
      severity: 'pass',
      current: facts.container ?? 'none',
      wanted: 'any',
      formula: isForwardedByKernel(demand)
        ? 'the kernel engine needs a network namespace of its own'
        : 'either will do',
    })),
  },
];
