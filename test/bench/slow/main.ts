// What honest clients notice of thousands of slow ones: npm run slow -- [--connections N] [--seconds N] [--only MODE]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBackends } from '../backends.ts';
import { Children } from '../children.ts';
import { type GoodputResult, runGoodput } from '../overload/load.ts';
import { describeSection } from '../report.ts';
import type { Target } from '../scenario.ts';
import { startPorticoWith } from '../subjects/portico.ts';
import { type AttackResult, attack, MODES } from './attack.ts';

const PORT = 7400;
const SERVER_PORT = 7403;
/** Of honest clients, each with a connection of its own. */
const RATE = 100;
const DEADLINE_MS = 1000;
/** By the time that an honest client begins to count, two seconds after it begins, all slow ones are there. */
const ATTACK_SECONDS_MORE = 4;
const SUCCESS = 0.95;
const P99_RATIO = 5;

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '4000' },
    seconds: { type: 'string', default: '20' },
    only: { type: 'string', default: '' },
  },
});
const connections = Number(values.connections);
const seconds = Number(values.seconds);
const directory = mkdtempSync(join(tmpdir(), 'portico-slow-'));
const children = new Children();
process.on('exit', () => {
  children.signalAll();
  rmSync(directory, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

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
  const load = { port: PORT, rate: RATE, seconds, deadlineMs: DEADLINE_MS, isFresh: true };
  const idle = await withPortico(servers, () => runGoodput(children, load));
  const rows = [['none', '', '', ...cells(idle)]];
  const targets: Target[] = [];
  for (const mode of MODES.filter(({ flag }) => flag.includes(values.only))) {
    process.stderr.write(`${mode.flag} …\n`);
    const [slow, honest] = await withPortico(servers, () =>
      Promise.all([
        attack(children, PORT, mode, {
          connections,
          rate: connections / 2,
          seconds: seconds + ATTACK_SECONDS_MORE,
        }),
        runGoodput(children, load),
      ]),
    );
    rows.push(rowOf(`\`${mode.flag}\` ${mode.what}`, slow, honest));
    targets.push(...targetsOf(mode.flag, slow, honest, idle));
  }
  process.stdout.write(
    describeSection({
      title: 'Slow clients',
      text: `slowhttptest opens ${connections} connections within two seconds and keeps them for ${seconds + ATTACK_SECONDS_MORE} s; all settings of Portico are its defaults, in one plane. Meanwhile ${RATE} honest requests a second come from the same address, each on a new connection, and count as failed without a 200 within ${DEADLINE_MS} ms. The first row is the same client with no other connection open; each row has a Portico of its own.`,
      columns: ['slow clients', 'connected at most', 'closed by Portico', 'honest answered', 'p99 ms'],
      rows,
      targets,
    }),
  );
}

async function withPortico<T>(servers: readonly number[], use: () => Promise<T>): Promise<T> {
  const options = { role: 'portico', port: PORT, servers, directory, children, isPinned: false } as const;
  const subject = await startPorticoWith(
    options,
    `listeners: [{ name: web, bind: "127.0.0.1:${PORT}", backend: app }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:${servers[0]}" }] }]
`,
  );
  try {
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

function rowOf(name: string, { connected, closed }: AttackResult, honest: GoodputResult): string[] {
  return [name, String(connected), String(closed), ...cells(honest)];
}

/** Where the attack did not come about, or no honest request was answered, nothing is met. */
function targetsOf(flag: string, slow: AttackResult, honest: GoodputResult, idle: GoodputResult): Target[] {
  const isSound = slow.connected > 0 && honest.goodPerSecond > 0;
  const ratio = honest.p99Ms / idle.p99Ms;
  return [
    {
      what: `${flag}: honest requests answered`,
      value: successOf(honest).toFixed(4),
      bound: `≥ ${SUCCESS}`,
      isMet: isSound && successOf(honest) >= SUCCESS,
    },
    {
      what: `${flag}: p99 ÷ idle p99`,
      value: ratio.toFixed(1),
      bound: `≤ ${P99_RATIO}`,
      isMet: isSound && ratio <= P99_RATIO,
    },
  ];
}
