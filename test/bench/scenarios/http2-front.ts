import { nextMessage } from '../children.ts';
import { type H2loadOptions, runH2load } from '../load/h2load.ts';
import { cpuMicroseconds } from '../process-usage.ts';
import { inRounds } from '../rounds.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { ratios, spread } from '../statistics.ts';
import { startSubject } from '../subjects.ts';

/** Counted from the first port. */
const PORT = 190;
const SERVER_PORT = 194;
const LOAD: H2loadOptions = { connections: 8, streams: 8, requests: 100_000 };
const WARM_UP: H2loadOptions = { ...LOAD, requests: 20_000 };

interface Front {
  readonly role: 'node:http2' | 'haproxy' | 'nginx';
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

interface Cost {
  readonly perSecond: number;
  readonly cpuPerRequest: number;
}

async function measure({ children }: Bench, { port, pid }: Front, load: H2loadOptions): Promise<Cost> {
  const before = cpuMicroseconds(pid);
  const perSecond = await runH2load(children, `http://127.0.0.1:${port}/`, load);
  return { perSecond, cpuPerRequest: (cpuMicroseconds(pid) - before) / load.requests };
}

async function startNodeHttp2({ children }: Bench, port: number): Promise<Front> {
  const child = children.fork(new URL('../http2-server.js', import.meta.url), [String(port)]);
  await nextMessage(child);
  return { role: 'node:http2', port, pid: child.pid!, stop: () => children.end(child) };
}

/** What HTTP/2 would cost at least, were Portico's front to be `node:http2`. */
export const http2Front: Scenario = {
  name: 'http2-front',
  needs: [],
  run: async (bench) => {
    const { children, directory, options } = bench;
    const { basePort, isPinned, rounds } = options;
    const server = children.fork(new URL('../backend.js', import.meta.url), [String(basePort + SERVER_PORT)]);
    await nextMessage(server);
    const fronts: Front[] = [];
    try {
      fronts.push(await startNodeHttp2(bench, basePort + PORT));
      for (const [i, role] of (['haproxy', 'nginx'] as const).entries()) {
        const port = basePort + PORT + 1 + i;
        const servers = [basePort + SERVER_PORT];
        const subject = await startSubject({ role, port, servers, directory, children, isPinned, isHttp2: true });
        fronts.push({ ...subject, role });
      }
      for (const front of fronts) await measure(bench, front, WARM_UP);
      const results = await inRounds(fronts, rounds, (front) => measure(bench, front, LOAD));
      const of = (role: Front['role'], figure: keyof Cost): number[] => results.get(role)!.map((cost) => cost[figure]);
      const against = (role: Front['role'], figure: keyof Cost): string =>
        role === 'haproxy' ? '' : spread(ratios(of(role, figure), of('haproxy', figure)), 2);
      const names = { 'node:http2': 'node:http2, no server behind it', haproxy: 'HAProxy', nginx: 'nginx' };
      return {
        title: 'HTTP/2 in front',
        text: `\`GET /\` with an answer of 11 bytes, ${LOAD.connections} connections with ${LOAD.streams} requests under way on each (h2load, without TLS). HAProxy and nginx forward to a server by HTTP/1.1; \`node:http2\` answers itself, by its fastest interface, and does nothing else: a front made of it would cost more.`,
        columns: ['front', 'requests/s', '× HAProxy', 'CPU µs per request', '× HAProxy'],
        rows: fronts.map(({ role }) => [
          names[role],
          spread(of(role, 'perSecond'), 0),
          against(role, 'perSecond'),
          spread(of(role, 'cpuPerRequest'), 1),
          against(role, 'cpuPerRequest'),
        ]),
        targets: [],
      };
    } finally {
      for (const front of fronts) await front.stop();
      await children.end(server);
    }
  },
};
