import { count } from '../format.ts';
import { readLimit, readServiceLimit } from '../limit-files.ts';
import {
  DESCRIPTORS_PER_CONNECTION,
  descriptorsFor,
  descriptorsPerPlane,
  MARGIN,
  MAX_PLANES,
  PLANE_DESCRIPTORS,
  planesFor,
} from '../needs.ts';
import type { Context, Judgement, Setting } from '../setting.ts';
import { atLeast, sysctl } from '../sysctl-setting.ts';

/** What high-concurrency servers are commonly given; just below the kernel's own ceiling for one process (fs.nr_open, 1,048,576). */
const NOFILE = 1_024_000;
const NR_OPEN = 1_048_576;
/** Descriptors of everything else on the machine. */
const OTHERS = 65_536;

/** Never more than the kernel gives a process: pam_limits(8) would refuse every login. */
function wantedNofile({ machine }: Context): number {
  const ceiling = Number(machine.sysctl('fs.nr_open') ?? NR_OPEN);
  return Math.min(NOFILE, Number.isNaN(ceiling) ? NR_OPEN : Math.max(ceiling, 0));
}

const perPlane = ({ demand, planes }: Context): string =>
  `${count(demand.connections)} connections × ${DESCRIPTORS_PER_CONNECTION} ÷ ${planes} planes + ${PLANE_DESCRIPTORS} + a reserve of up to 1,024`;

function judgeProcess(context: Context): Judgement {
  const { facts, demand, planes } = context;
  const need = descriptorsPerPlane(demand, planes);
  const common = { wanted: `at least ${count(need)}`, formula: perPlane(context), changes: [] };
  if (facts.nofile === undefined) return { ...common, severity: 'skip', current: undefined };
  const { hard } = facts.nofile;
  // Node raises the soft limit to the hard one when it starts, so only the hard one counts for the planes.
  const current = count(hard);
  const least = planesFor(demand, hard);
  if (demand.planes === undefined && planes > facts.cpuCount && hard >= need) {
    const detail = `a process has at most ${count(hard)}, so it takes at least ${least} planes; write "planes: ${roomy(least)}" in portico.yaml, since they do not share evenly`;
    return { ...common, severity: 'warn', current, detail, manual: [`# in portico.yaml: planes: ${roomy(least)}`] };
  }
  if (hard >= need) return { ...common, severity: 'pass', current };
  const isHosts = !facts.canRaiseLimits;
  const raise = isHosts ? FIXED : 'ulimit -n 1024000  # as root, in the shell that starts Portico';
  if (least > MAX_PLANES) return { ...common, severity: 'fail', current, manual: [raise], isHosts };
  const detail = `raise it, or take at least ${least} planes: write "planes: ${roomy(least)}" in portico.yaml`;
  return {
    ...common,
    severity: 'fail',
    current,
    detail,
    manual: [raise, `# or in portico.yaml: planes: ${roomy(least)}`],
  };
}

/** One in ten more, within what the config takes. */
const roomy = (planes: number): number => Math.min(MAX_PLANES, Math.ceil(planes * 1.1));
const FIXED = '# the host: a higher hard limit of descriptors for this container (--ulimit nofile=1024000)';

function judgeShell(context: Context): Judgement {
  const { machine, facts } = context;
  const wanted = wantedNofile(context);
  const set = readLimit(machine, 'nofile');
  const current = set === undefined ? facts.nofile?.hard : set;
  const lines = ['*', 'root'].flatMap((user) => ['soft', 'hard'].map((kind) => `${user} ${kind} nofile ${wanted}`));
  return judgeFile(context, machine.exists('/etc/security'), set, current, {
    detail: 'counts from the next login on',
    changes: lines.map((line) => ({ kind: 'limits' as const, line })),
  });
}

function judgeService(context: Context): Judgement {
  const { machine, facts } = context;
  const set = readServiceLimit(machine, 'LimitNOFILE');
  return judgeFile(context, facts.hasSystemd, set, set, {
    detail: 'counts from the next start of portico.service on',
    changes: [{ kind: 'service', line: `LimitNOFILE=${wantedNofile(context)}` }],
  });
}

/** A limit that a file sets for what starts later. */
function judgeFile(
  context: Context,
  isHere: boolean,
  set: number | undefined,
  current: number | undefined,
  remedy: Pick<Judgement, 'changes'> & { readonly detail: string },
): Judgement {
  const wanted = wantedNofile(context);
  const common = {
    wanted: `at least ${count(wanted)}`,
    formula: 'the usual ceiling of one process, within fs.nr_open',
    current: current === undefined ? 'not set' : count(current),
    changes: [],
  };
  if (!isHere) return { ...common, severity: 'skip', current: undefined };
  if ((set ?? 0) >= wanted) return { ...common, severity: 'pass' };
  const { nofile, canRaiseLimits } = context.facts;
  // A limit that nobody may set makes logins and starts fail.
  if (!canRaiseLimits && (nofile?.hard ?? 0) < wanted) {
    return { ...common, severity: 'warn', manual: [FIXED], isHosts: true };
  }
  return { ...common, severity: 'warn', ...remedy };
}

export const descriptorSettings: readonly Setting[] = [
  {
    id: 'nofile.process',
    title: 'descriptors of a process',
    why: 'every connection that a plane holds takes two descriptors, and a process has no more than its hard limit',
    ifLeft: 'a plane that has none left refuses clients while ports, memory and CPU are free',
    risk: 'none: a limit takes nothing until it is used',
    judge: judgeProcess,
  },
  {
    id: 'nofile.shell',
    title: 'descriptors from a shell',
    why: 'what is started from a login shell inherits the limit of the login (limits.d)',
    ifLeft: '`portico run` from a shell has less than the service',
    risk: 'programs that close every possible descriptor at start, and old ones that use select(), meet a high soft limit',
    judge: judgeShell,
  },
  {
    id: 'nofile.service',
    title: 'descriptors of the service',
    why: 'systemd gives a service its own limit (LimitNOFILE), whatever the shell has',
    ifLeft: 'portico.service has the limit that systemd gives every service, often 524,288',
    risk: 'none: it is for portico.service alone',
    judge: judgeService,
  },
  sysctl({
    key: 'fs.nr_open',
    title: 'ceiling of a process',
    why: 'no process can be given more descriptors than this, whatever limits say',
    ifLeft: 'raising a limit above it fails, and a login with such a limit is refused',
    risk: 'none: a ceiling takes nothing until it is used',
    want: () => atLeast(NR_OPEN, '1,024,000 descriptors, rounded up to a power of two'),
  }),
  sysctl({
    key: 'fs.file-max',
    title: 'descriptors of the machine',
    why: 'the sum over all processes, those of others too',
    ifLeft: 'connections of every program fail at once with ENFILE',
    risk: 'each open file takes kernel memory; the limit itself takes none',
    want: ({ demand, facts }) => {
      const own = descriptorsFor(demand);
      const others = Math.max(OTHERS, facts.openFiles ?? 0);
      const value = Math.ceil(own * MARGIN) + others;
      return atLeast(value, `${count(own)} descriptors × ${MARGIN} + ${count(others)} of others`, own);
    },
  }),
  sysctl({
    key: 'fs.epoll.max_user_watches',
    title: 'sockets watched by a user',
    why: 'every descriptor of an event loop is a watch, and a user has only so many; the kernel allows what 4 % of memory hold',
    ifLeft: 'on a machine with little memory accepted connections are dropped with ENOSPC',
    risk: 'a user may take more kernel memory, about 160 bytes a watch',
    want: ({ demand }) => {
      const own = descriptorsFor(demand);
      return atLeast(Math.ceil(own * MARGIN), `${count(own)} descriptors × ${MARGIN}`, own);
    },
  }),
];
