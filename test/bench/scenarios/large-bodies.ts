import { serveOneGib, transferOneGib } from '../load/one-gib.ts';
import { memoryOf, peakBytes, resetPeak } from '../process-usage.ts';
import type { Scenario } from '../scenario.ts';
import { NAMES, type Role, type Subject } from '../subject.ts';

/** Counted from the first port of the benchmark. */
const SERVER_PORT = 199;
const BALANCER_PORT = 70;
const MIB = 1 << 20;
const MAX_GROWTH_MIB = 64;
const TRANSFERS = [
  { title: 'down', direction: 'down', isSlow: false },
  { title: 'down, slow client', direction: 'down', isSlow: true },
  { title: 'up', direction: 'up', isSlow: false },
  { title: 'up, slow server', direction: 'up', isSlow: true },
] as const;
const ROLES: readonly Role[] = ['portico-plain', 'haproxy'];

/** MiB by which the resident memory peaked over what it was before the first transfer, for each. */
async function growths({ port, pid }: Subject): Promise<number[]> {
  const { residentBytes } = memoryOf(pid);
  const growth: number[] = [];
  for (const { direction, isSlow } of TRANSFERS) {
    resetPeak(pid);
    await transferOneGib(port, direction, isSlow);
    growth.push((peakBytes(pid) - residentBytes) / MIB);
  }
  return growth;
}

export const largeBodies: Scenario = {
  name: 'large-bodies',
  needs: [],
  run: async (bench) => {
    const { basePort } = bench.options;
    const server = await serveOneGib(basePort + SERVER_PORT);
    const found = new Map<Role, number[]>();
    try {
      for (const role of ROLES.filter((role) => bench.subjects.some((subject) => subject.role === role))) {
        const subject = await bench.start(role, basePort + BALANCER_PORT, [basePort + SERVER_PORT]);
        try {
          found.set(role, await growths(subject));
        } finally {
          await subject.stop();
        }
      }
    } finally {
      server.close();
    }
    const own = found.get('portico-plain');
    const most = Math.max(...(own ?? []));
    return {
      title: '1 GiB through the balancer',
      text: 'How far the resident memory, in MiB, peaked above that of the fresh process; once each. The slow side takes about 100 MiB/s, in sips of 1 MiB.',
      columns: ['balancer', ...TRANSFERS.map(({ title }) => title)],
      rows: [...found].map(([role, growth]) => [NAMES[role], ...growth.map((mib) => mib.toFixed(1))]),
      targets:
        own === undefined
          ? []
          : [
              {
                what: 'memory growth of Portico',
                value: `${most.toFixed(1)} MiB`,
                bound: `< ${MAX_GROWTH_MIB} MiB`,
                isMet: most < MAX_GROWTH_MIB,
              },
            ],
    };
  },
};
