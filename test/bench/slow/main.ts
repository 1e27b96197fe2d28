// What honest clients notice of thousands of slow ones:
// npm run slow -- [--connections N] [--rate N] [--seconds N] [--only MODE] [--beside]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBackends } from '../backends.ts';
import { Children } from '../children.ts';
import { type GoodputResult, runGoodput } from '../overload/load.ts';
import { describeSection } from '../report.ts';
import type { Target } from '../scenario.ts';
import type { Subject, SubjectOptions } from '../subject.ts';
import { startHaproxy } from '../subjects/haproxy.ts';
import { startNginx } from '../subjects/nginx.ts';
import { startPorticoWith } from '../subjects/portico.ts';
import { type AttackResult, attack, MODES, type Mode } from './attack.ts';

const PORT = 7400;
/** Where the attack goes that shows what the machine itself does to honest clients. */
const ELSEWHERE_PORT = 7405;
const SERVER_PORT = 7403;
/** Of honest clients, each with a connection of its own. */
const RATE = 100;
const DEADLINE_MS = 1000;
/** Each balancer has served so many connections before it is measured: what has just started is compiled yet, and slow by itself. */
const WARM_UP = { rate: 500, seconds: 4 };
/** slowhttptest begins before the honest client counts, and ends after it. */
const ATTACK_SECONDS_MORE = 4;
const SUCCESS = 0.95;
const P99_RATIO = 5;
/** slowhttptest does not report its last second; below that share the attack did not come about. */
const OPENED = 0.8;

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '4000' },
    rate: { type: 'string', default: '400' },
    seconds: { type: 'string', default: '30' },
    only: { type: 'string', default: '' },
    beside: { type: 'boolean', default: false },
  },
});
const connections = Number(values.connections);
const rate = Number(values.rate);
const seconds = Number(values.seconds);
const modes = MODES.filter(({ flag }) => flag.includes(values.only));
const directory = mkdtempSync(join(tmpdir(), 'portico-slow-'));
const children = new Children();
process.on('exit', () => {
  children.signalAll();
  rmSync(directory, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

interface Contender {
  readonly name: string;
  readonly role: Subject['role'];
  readonly start: (options: SubjectOptions) => Promise<Subject>;
}

const PORTICO: Contender = {
  name: 'Portico',
  role: 'portico',
  start: (options) =>
    startPorticoWith(
      options,
      `listeners: [{ name: web, bind: "127.0.0.1:${options.port}", backend: app }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:${options.servers[0]}" }] }]
`,
    ),
};
const HAPROXY: Contender = { name: 'HAProxy', role: 'haproxy', start: startHaproxy };
const NGINX: Contender = { name: 'nginx', role: 'nginx', start: startNginx };

try {
  await run();
} catch (error) {
  console.error((error as Error).stack);
  process.exitCode = 1;
} finally {
  await children.stop();
}

async function run(): Promise<void> {
  const servers = await startBackends(children, SERVER_PORT, 1);
  const rows: string[][] = [];
  const targets: Target[] = [];
  for (const contender of values.beside ? [PORTICO, HAPROXY, NGINX] : [PORTICO]) {
    const { name } = contender;
    const idle = await using(contender, PORT, servers, honest);
    rows.push([name, 'none', '', '', '', ...cells(idle), '']);
    for (const mode of modes) {
      process.stderr.write(`${name} ${mode.flag} …\n`);
      const [slow, result] = await using(contender, PORT, servers, () => underAttack(mode, PORT));
      rows.push(rowOf(name, mode, slow, result, idle));
      if (contender === PORTICO) targets.push(...targetsOf(mode.flag, slow, result, idle));
    }
    if (contender !== PORTICO || !values.beside) continue;
    for (const mode of modes) {
      process.stderr.write(`elsewhere ${mode.flag} …\n`);
      const [slow, result] = await using(PORTICO, PORT, servers, () =>
        using(HAPROXY, ELSEWHERE_PORT, servers, () => underAttack(mode, ELSEWHERE_PORT)),
      );
      rows.push(rowOf('Portico, which is not attacked', mode, slow, result, idle));
    }
  }
  process.stdout.write(
    describeSection({
      title: 'Slow clients',
      text: `slowhttptest opens ${connections} connections, ${rate} a second, and goes on for ${seconds + ATTACK_SECONDS_MORE} s; all settings of Portico are its defaults, in one plane. From two seconds later on, ${RATE} honest requests a second come from the same address for ${seconds} s, each on a new connection, and count as failed without a 200 within ${DEADLINE_MS} ms. Each row has processes of its own, which have served ${WARM_UP.rate * (WARM_UP.seconds + 2)} connections before. «Not attacked»: the slow clients are those of an HAProxy beside it, so that what honest clients notice is the machine’s doing.`,
      columns: ['honest clients of', 'slow clients', 'opened', 'at once', 'closed', 'answered', 'p99 ms', '× idle'],
      rows,
      targets,
    }),
  );
}

function honest(): Promise<GoodputResult> {
  return runGoodput(children, { port: PORT, rate: RATE, seconds, deadlineMs: DEADLINE_MS, isFresh: true });
}

function underAttack(mode: Mode, port: number): Promise<[AttackResult, GoodputResult]> {
  const size = { connections, rate, seconds: seconds + ATTACK_SECONDS_MORE };
  return Promise.all([attack(children, directory, port, mode, size), honest()]);
}

async function using<T>(
  { role, start }: Contender,
  port: number,
  servers: readonly number[],
  use: () => Promise<T>,
): Promise<T> {
  const subject = await start({ role, port, servers, directory, children, isPinned: false });
  try {
    await runGoodput(children, { ...WARM_UP, port, deadlineMs: DEADLINE_MS, isFresh: true });
    return await use();
  } finally {
    await subject.stop();
  }
}

function successOf({ goodPerSecond, refusedPerSecond, latePerSecond }: GoodputResult): number {
  return goodPerSecond / (goodPerSecond + refusedPerSecond + latePerSecond);
}

function cells(result: GoodputResult): string[] {
  return [`${(successOf(result) * 100).toFixed(2)} %`, result.p99Ms.toFixed(1)];
}

function rowOf(
  name: string,
  { flag, what }: Mode,
  { opened, connected, closed }: AttackResult,
  result: GoodputResult,
  idle: GoodputResult,
): string[] {
  const counts = [opened, connected, closed].map(String);
  return [name, `\`${flag}\` ${what}`, ...counts, ...cells(result), (result.p99Ms / idle.p99Ms).toFixed(1)];
}

/** Where the attack did not come about, or no honest request was answered, nothing is met. */
function targetsOf(flag: string, slow: AttackResult, result: GoodputResult, idle: GoodputResult): Target[] {
  const isSound = slow.opened >= OPENED * connections && result.goodPerSecond > 0;
  const ratio = result.p99Ms / idle.p99Ms;
  return [
    {
      what: `${flag}: honest requests answered`,
      value: successOf(result).toFixed(4),
      bound: `≥ ${SUCCESS}`,
      isMet: isSound && successOf(result) >= SUCCESS,
    },
    {
      what: `${flag}: p99 ÷ idle p99`,
      value: ratio.toFixed(1),
      bound: `≤ ${P99_RATIO}`,
      isMet: isSound && ratio <= P99_RATIO,
    },
  ];
}
