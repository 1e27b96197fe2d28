import { readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { nextMessage } from '../children.ts';
import { until } from '../launch.ts';
import { CheckedLoad, type LoadCounts } from '../reload/checked-load.ts';
import { CONTENDERS, type Contender } from '../reload/contenders.ts';
import type { Bench, Scenario, Section } from '../scenario.ts';
import { NAMES } from '../subject.ts';

/** Counted from the first port of the benchmark. */
const PORT = 150;
const SERVER_PORT = 170;
const SERVERS = 3;
const CLIENTS = 16;
const RELOADS = 200;
const RESTARTS = 50;
const UPGRADES = 20;
/** How long a server is given to be found again before the next one goes. */
const REST_MS = 300;

/** Reloads that take longer all together are left at that. */
const MOST_MS = 40_000;
/** A signal that comes while a reload is under way is lost on HAProxy. */
const AGAIN_MS = 1000;

type Role = keyof typeof CONTENDERS;
const ROLES = Object.keys(CONTENDERS) as readonly Role[];

interface Result {
  readonly reloads: LoadCounts;
  readonly restarts: LoadCounts;
  readonly upgrades: LoadCounts;
  readonly done: number;
  readonly seconds: number;
  readonly processes: number;
  readonly megabytes: number;
}

/** The generation that a new connection is answered by; undefined where it is not answered. */
function generation(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    http
      .get({ port, host: '127.0.0.1', agent: false }, (response) => {
        response.resume();
        response.on('end', () => resolve(Number(response.headers['x-generation'])));
      })
      .on('error', () => resolve(undefined));
  });
}

/** A process and all that came from it: how many there are, and their resident memory. */
function family(pid: number): { processes: number; megabytes: number } {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    const stat = read(`/proc/${name}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const all = [pid];
  for (const each of all) all.push(...(children.get(each) ?? []));
  const kilobytes = all.map((each) => Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${each}/status`))?.[1] ?? 0));
  return { processes: all.length, megabytes: kilobytes.reduce((sum, each) => sum + each, 0) / 1024 };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return ''; // it has just ended
  }
}

/** Tells the balancer, again where that was lost, until its answers bear the number. */
async function bringIntoForce({ port }: Contender, number: number, tell: () => Promise<void>): Promise<void> {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  await until(`config ${number} of the balancer on ${port} to be in force`, async () => {
    if (performance.now() - toldAtMs > AGAIN_MS) {
      await tell();
      toldAtMs = performance.now();
    }
    return (await generation(port)) === number;
  });
}

/** Returns how many reloads came into force, and how long they took. */
async function reloadOften(contender: Contender, load: CheckedLoad): Promise<{ done: number; seconds: number }> {
  const startedMs = performance.now();
  let done = 0;
  for (let i = 1; i <= RELOADS && performance.now() - startedMs < MOST_MS; i++) {
    await bringIntoForce(contender, i, async () => contender.reload(i));
    await load.hold();
    done = i;
  }
  return { done, seconds: (performance.now() - startedMs) / 1000 };
}

async function measure({ children, directory, options }: Bench, role: Role): Promise<Result> {
  const port = options.basePort + PORT;
  const firstServer = options.basePort + SERVER_PORT;
  const restartable = new Map<number, Awaited<ReturnType<typeof startServer>>>();
  const startServer = async (server: number) => {
    const child = children.fork(new URL('../backend.js', import.meta.url), [String(server)]);
    await nextMessage(child);
    return child;
  };
  for (let i = 0; i < SERVERS; i++) restartable.set(firstServer + i, await startServer(firstServer + i));
  const servers = [...restartable.keys()];
  const contender = await CONTENDERS[role]({ role, port, servers, directory, children, isPinned: options.isPinned });
  const load = await CheckedLoad.start(children, port, CLIENTS);
  try {
    const { done, seconds } = await reloadOften(contender, load);
    const reloads = await load.counts();
    const size = family(contender.pid);
    for (let i = 0; i < RESTARTS; i++) {
      const server = servers[i % SERVERS]!;
      restartable.get(server)!.kill('SIGKILL');
      await children.end(restartable.get(server)!);
      restartable.set(server, await startServer(server));
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
    }
    const restarts = await load.counts();
    for (let i = 1; i <= UPGRADES; i++) {
      const number = RELOADS + i;
      await bringIntoForce(contender, number, () => contender.replace(number));
    }
    return { reloads, restarts, upgrades: await load.counts(), done, seconds, ...size };
  } finally {
    await load.stop();
    await contender.stop();
    for (const child of restartable.values()) await children.end(child);
  }
}

const failed = ({ failures }: LoadCounts): number => failures.reduce((sum, [, count]) => sum + count, 0);

function describe(counts: LoadCounts, before?: LoadCounts): string {
  const earlier = new Map(before?.failures);
  const new_ = counts.failures
    .map(([why, count]) => [why, count - (earlier.get(why) ?? 0)] as const)
    .filter(([, count]) => count > 0);
  const sum = failed(counts) - (before === undefined ? 0 : failed(before));
  return sum === 0 ? '0' : `${sum} (${new_.map(([why, count]) => `${why}: ${count}`).join(', ')})`;
}

export const reloads: Scenario = {
  name: 'reloads',
  needs: ['portico'],
  run: async (bench): Promise<Section> => {
    const results = new Map<Role, Result>();
    for (const role of ROLES) {
      if (bench.subjects.some((subject) => subject.role === role)) results.set(role, await measure(bench, role));
    }
    const own = results.get('portico')!;
    return {
      title: 'Reloads and restarts of servers',
      text: `${RELOADS} reloads, or as many as come into force in ${MOST_MS / 1000} s, each with another config and a WebSocket opened after it that is held to the end; then ${RESTARTS} times a server is killed without a word and started again, ${SERVERS} in turn. ${CLIENTS} clients on kept-alive connections ask without a pause and try nothing twice, so a kept connection that is closed under a request counts. All three retry on another server and check health. At last ${UPGRADES} upgrades: another process, of what is installed then, takes over (HAProxy’s master executes itself anew with each reload). Processes and memory are of the balancer with all its children after the reloads, with a WebSocket held for each. Figures: \`npm run bench -- --only reloads\`.`,
      columns: [
        '',
        'requests',
        'failed by reloads',
        'WebSockets lost',
        'reloads',
        's for them',
        'processes',
        'MB',
        'failed by restarts',
        'failed by upgrades',
      ],
      rows: [...results].map(([role, { reloads: during, restarts, upgrades, done, seconds, processes, megabytes }]) => [
        NAMES[role],
        String(upgrades.requests),
        describe(during),
        String(during.lostWebSockets),
        String(done),
        seconds.toFixed(1),
        String(processes),
        megabytes.toFixed(0),
        describe(restarts, during),
        describe(upgrades, restarts),
      ]),
      targets: [
        {
          what: 'requests failed by reloads',
          value: String(failed(own.reloads)),
          bound: '0',
          isMet: failed(own.reloads) === 0,
        },
        {
          what: 'WebSockets lost by reloads',
          value: String(own.reloads.lostWebSockets),
          bound: '0',
          isMet: own.reloads.lostWebSockets === 0,
        },
        {
          what: 'requests failed by restarts of servers',
          value: String(failed(own.restarts) - failed(own.reloads)),
          bound: '0',
          isMet: failed(own.restarts) === failed(own.reloads),
        },
        {
          what: 'requests failed by upgrades',
          value: String(failed(own.upgrades) - failed(own.restarts)),
          bound: '0',
          isMet: failed(own.upgrades) === failed(own.restarts),
        },
      ],
    };
  },
};
