import { WebSocketLoad } from '../load/websockets.ts';
import { cpuMicroseconds, memoryOf } from '../process-usage.ts';
import { inRounds } from '../rounds.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { settledMemory } from '../settled-memory.ts';
import { spread, summarize } from '../statistics.ts';
import { NAMES, type Role, type Subject } from '../subject.ts';

/** Counted from the first port of the benchmark. */
const PORT = 40;
const MAX_ROUNDS = 3;
const MAX_BYTES = 6000;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Idle {
  readonly residentBytes: number;
  readonly proportionalBytes: number;
  readonly cpuMs: number;
  readonly primaryMib: number | undefined;
}

/** Memory and CPU with open WebSockets, as the operating system sees them: no collection is forced. */
async function measure({ children, options }: Bench, { port, pid, primary }: Subject): Promise<Idle> {
  const { idleConnections, idleSeconds } = options;
  // One short connection, so that what is set up only once is there before.
  await fetch(`http://127.0.0.1:${port}/`).then((response) => response.text());
  const before = await settledMemory(pid);
  const load = await WebSocketLoad.open(children, port, idleConnections);
  try {
    const after = await settledMemory(pid);
    const cpuBefore = cpuMicroseconds(pid);
    await wait(idleSeconds * 1000);
    const cpuMs = (cpuMicroseconds(pid) - cpuBefore) / 1000;
    const open = await load.countOpen();
    if (open < idleConnections) throw new Error(`${idleConnections - open} idle WebSockets were closed`);
    return {
      residentBytes: (after.residentBytes - before.residentBytes) / idleConnections,
      proportionalBytes: (after.proportionalBytes - before.proportionalBytes) / idleConnections,
      cpuMs,
      primaryMib: primary && memoryOf(primary.pid).residentBytes / (1 << 20),
    };
  } finally {
    await load.close();
  }
}

export const idleWebSockets: Scenario = {
  name: 'idle-websockets',
  needs: [],
  run: async (bench) => {
    const { idleConnections, idleSeconds, rounds } = bench.options;
    const roles = bench.subjects.map(({ role }) => role).filter((role): role is Role => role !== 'portico-plain');
    // New processes: memory that an earlier load left behind would hide what these connections take.
    const results = await inRounds(
      roles.map((role) => ({ role })),
      Math.min(rounds, MAX_ROUNDS),
      async ({ role }) => {
        const subject = await bench.start(role, bench.options.basePort + PORT);
        try {
          return await measure(bench, subject);
        } finally {
          await subject.stop();
        }
      },
    );
    const own = results.get('portico')?.map(({ residentBytes }) => residentBytes);
    const median = own && summarize(own).median;
    return {
      title: `${idleConnections.toLocaleString('en')} idle WebSockets`,
      text: `Growth of the memory (RSS, PSS) for each WebSocket, and CPU time of the balancer in ${idleSeconds} s with them; ${Math.min(rounds, MAX_ROUNDS)} rounds, each with fresh processes. PSS moves with the number of other Node processes that share the program. Portico’s primary is not among it: its whole memory has a column of its own.`,
      columns: [
        'balancer',
        'RSS, bytes per WebSocket',
        'PSS, bytes per WebSocket',
        `CPU ms in ${idleSeconds} s`,
        'primary, MiB',
      ],
      rows: [...results].map(([role, idle]) => {
        const of = (pick: (result: Idle) => number): number[] => idle.map(pick);
        return [
          NAMES[role],
          spread(
            of(({ residentBytes }) => residentBytes),
            0,
          ),
          spread(
            of(({ proportionalBytes }) => proportionalBytes),
            0,
          ),
          spread(
            of(({ cpuMs }) => cpuMs),
            0,
          ),
          idle[0]!.primaryMib === undefined
            ? ''
            : spread(
                of(({ primaryMib }) => primaryMib ?? 0),
                0,
              ),
        ];
      }),
      targets:
        median === undefined
          ? []
          : [
              {
                what: 'memory of Portico for an idle WebSocket',
                value: `${(median / 1000).toFixed(2)} KB`,
                bound: `≤ ${MAX_BYTES / 1000} KB`,
                isMet: median <= MAX_BYTES,
              },
            ],
    };
  },
};
