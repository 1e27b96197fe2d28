import { compare, type Figure } from '../compare.ts';
import { WebSocketLoad } from '../load/websockets.ts';
import { cpuMicroseconds } from '../process-usage.ts';
import { inRounds } from '../rounds.ts';
import type { Bench, Scenario } from '../scenario.ts';
import type { Subject } from '../subject.ts';

const CONNECTIONS = 64;

interface Echo {
  readonly perSecond: number;
  readonly cpuPerMessage: number;
  readonly broken: number;
  /** Of one core; near 100 % the client is what limits the rate. */
  readonly clientPercent: number;
}

const FIGURES: readonly Figure<Echo>[] = [
  { title: 'messages/s', digits: 0, against: ['haproxy', 'nginx'], of: ({ perSecond }) => perSecond },
  { title: 'CPU µs per message', digits: 1, against: ['haproxy', 'nginx'], of: ({ cpuPerMessage }) => cpuPerMessage },
  { title: 'client CPU %', digits: 0, against: [], of: ({ clientPercent }) => clientPercent },
  { title: 'broken', digits: 0, against: [], of: ({ broken }) => broken },
];

async function measure({ children, options }: Bench, { port, pid }: Subject, length = options.seconds): Promise<Echo> {
  const load = await WebSocketLoad.open(children, port, CONNECTIONS);
  try {
    const before = cpuMicroseconds(pid);
    const clientBefore = cpuMicroseconds(load.pid);
    const { messages, broken, seconds } = await load.echo(length);
    return {
      perSecond: messages / seconds,
      cpuPerMessage: (cpuMicroseconds(pid) - before) / messages,
      broken,
      clientPercent: (cpuMicroseconds(load.pid) - clientBefore) / seconds / 1e4,
    };
  } finally {
    await load.close();
  }
}

export const webSocketEcho: Scenario = {
  name: 'websocket-echo',
  needs: [],
  run: async (bench) => {
    // Pipelining has nothing to do with WebSockets: one Portico is enough.
    const subjects = bench.subjects.filter(({ role }) => role !== 'portico-plain');
    for (const subject of subjects) await measure(bench, subject, 1);
    const results = await inRounds(subjects, bench.options.rounds, (subject) => measure(bench, subject));
    return {
      title: 'WebSocket echo',
      text: `Messages of 16 bytes over ${CONNECTIONS} WebSockets, each sent when the one before has come back.`,
      ...compare(results, FIGURES, []),
    };
  },
};
