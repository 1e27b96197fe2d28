import { nextMessage } from '../children.ts';
import { type GoodputResult, runGoodput } from '../overload/load.ts';
import { OVERLOAD_SUBJECTS } from '../overload/subjects.ts';
import type { Bench, Scenario, Target } from '../scenario.ts';

/** Counted from the first port of the benchmark. */
const PORT = 60;
const SERVER_PORT = 62;
const SLOTS = 8;
const SERVICE_MS = 20;
const DEADLINE_MS = 1000;
/** What the server can do, by its two numbers; what it does is measured. */
const NOMINAL = (SLOTS * 1000) / SERVICE_MS;
const GOAL = 0.9;

interface Figures {
  readonly name: string;
  readonly peak: number;
  readonly at1: GoodputResult;
  readonly at3: GoodputResult;
}

export const overload: Scenario = {
  name: 'overload',
  needs: [],
  run: async (bench) => {
    const roles = new Set(bench.subjects.map(({ role }) => role));
    const figures: Figures[] = [];
    for (const subject of OVERLOAD_SUBJECTS) {
      if (roles.has(subject.role)) figures.push(await measure(bench, subject));
    }
    const show = (value: number): string => value.toFixed(0);
    return {
      title: 'Three times what the server can do',
      text: `One server that works on ${SLOTS} requests at once, each for ${SERVICE_MS} ms; more wait in it. Requests come at a constant rate, each on a connection of its own if none is free, and a client without an answer after ${DEADLINE_MS} ms leaves. The peak is the most that was answered in time at 0.8, 0.9 and 1 times the ${NOMINAL} a second that the server can do by its numbers; then come once and three times the peak. Good is a 200 in time.`,
      columns: [
        'balancer',
        'peak/s',
        'good/s at 1 ×',
        'good/s at 3 ×',
        'refused/s',
        'late/s',
        'p99 of the good, ms',
        'good at 3 × ÷ peak',
      ],
      rows: figures.map(({ name, peak, at1, at3 }) => [
        name,
        show(peak),
        show(at1.goodPerSecond),
        show(at3.goodPerSecond),
        show(at3.refusedPerSecond),
        show(at3.latePerSecond),
        show(at3.p99Ms),
        (at3.goodPerSecond / peak).toFixed(2),
      ]),
      targets: figures
        .filter(({ name }) => name.includes('auto'))
        .map(
          ({ name, peak, at3 }): Target => ({
            what: `goodput of ${name} at three times the load, of its peak`,
            value: (at3.goodPerSecond / peak).toFixed(2),
            bound: `≥ ${GOAL}`,
            isMet: at3.goodPerSecond >= GOAL * peak,
          }),
        ),
    };
  },
};

/** With a server of its own: what one balancer left in its queue is not the next one's. */
async function measure(bench: Bench, { name, role, start }: (typeof OVERLOAD_SUBJECTS)[number]): Promise<Figures> {
  const { children, directory, options } = bench;
  const serverPort = options.basePort + SERVER_PORT;
  const port = options.basePort + PORT;
  const server = children.fork(
    new URL('../overload/server.js', import.meta.url),
    [serverPort, SLOTS, SERVICE_MS].map(String),
  );
  await nextMessage(server);
  const subject = await start({ role, port, servers: [serverPort], directory, children, isPinned: options.isPinned });
  try {
    const load = { port, seconds: options.seconds, deadlineMs: DEADLINE_MS };
    let peak = 0;
    for (const share of [0.8, 0.9, 1]) {
      const { goodPerSecond } = await runGoodput(children, { ...load, rate: NOMINAL * share });
      peak = Math.max(peak, goodPerSecond);
    }
    const at1 = await runGoodput(children, { ...load, rate: peak });
    const at3 = await runGoodput(children, { ...load, rate: 3 * peak });
    return { name, peak, at1, at3 };
  } finally {
    await subject.stop();
    await children.end(server);
  }
}
