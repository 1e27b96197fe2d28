import { parseArgs } from 'node:util';

export const GROUPS = ['portico', 'haproxy', 'nginx'] as const;
export type Group = (typeof GROUPS)[number];

export interface BenchOptions {
  readonly rounds: number;
  /** Of each load. */
  readonly seconds: number;
  /** Scenarios whose name contains it. */
  readonly only: string | undefined;
  readonly groups: readonly Group[];
  /** The balancers on core 0, all else on core 1. */
  readonly isPinned: boolean;
  /** Write RESULTS.md. */
  readonly write: boolean;
  /** All ports that the benchmark uses lie in the 200 from here on. */
  readonly basePort: number;
  readonly idleConnections: number;
  readonly idleSeconds: number;
  /** How long a real Prometheus scrapes. */
  readonly scrapeSeconds: number;
  /** Held at once through the kernel engine. */
  readonly kernelConnections: number;
}

export const USAGE = `npm run bench -- [flags]
  --rounds N             rounds, the balancers in turn within each (5)
  --seconds N            length of each load (4)
  --only NAME            only scenarios whose name contains NAME
  --subjects LIST        of portico,haproxy,nginx (all)
  --pin                  balancers on core 0, load and servers on core 1
  --idle-connections N   idle WebSockets (9000)
  --idle-seconds N       how long their CPU is watched (10)
  --scrape-seconds N     how long a real Prometheus scrapes (60)
  --kernel-connections N connections held at once through the kernel engine (300000)
  --base-port N          first of the 200 ports that it uses on 127.0.0.1 (7100)
  --write                write test/bench/RESULTS.md; only of a run with all scenarios and balancers`;

/** Throws with a sentence for the user. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      only: { type: 'string' },
      subjects: { type: 'string', default: GROUPS.join(',') },
      pin: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      'base-port': { type: 'string', default: '7100' },
      'idle-connections': { type: 'string', default: '9000' },
      'idle-seconds': { type: 'string', default: '10' },
      'scrape-seconds': { type: 'string', default: '60' },
      'kernel-connections': { type: 'string', default: '300000' },
    },
  });
  const groups = values.subjects.split(',').map((name) => {
    const group = GROUPS.find((known) => known === name);
    if (group === undefined) throw new Error(`--subjects knows ${GROUPS.join(', ')}, not "${name}"`);
    return group;
  });
  if (values.write && (values.only !== undefined || groups.length < GROUPS.length))
    throw new Error('--write needs all scenarios and all balancers: the results are of one run');
  return {
    rounds: count('--rounds', values.rounds),
    seconds: count('--seconds', values.seconds),
    only: values.only,
    groups,
    isPinned: values.pin,
    write: values.write,
    basePort: count('--base-port', values['base-port']),
    idleConnections: count('--idle-connections', values['idle-connections']),
    idleSeconds: count('--idle-seconds', values['idle-seconds']),
    scrapeSeconds: count('--scrape-seconds', values['scrape-seconds']),
    kernelConnections: count('--kernel-connections', values['kernel-connections']),
  };
}

function count(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${flag} takes a whole number from 1, not "${text}"`);
  return value;
}
