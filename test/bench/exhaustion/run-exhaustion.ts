import type { ChildProcess } from 'node:child_process';
import { type Children, nextMessage } from '../children.ts';
import { cpuMicroseconds } from '../process-usage.ts';
import { Namespace } from '../scale/namespace.ts';
import type { ClientCommand, ClientReport } from './client.ts';
import type { Contender, Field } from './contenders.ts';

const FRONT = { host: '10.1.0.1', port: 80 };
const SERVER = { host: '10.2.0.1', port: 9000 };
const CLIENT = '10.1.1.1';
const SOURCES = ['10.2.1.1', '10.2.1.2', '10.2.1.3'];
const RANGE = { low: 20_000, high: 20_999 };
const PORTS = SOURCES.length * (RANGE.high - RANGE.low + 1);
/** Held by another program, of the first source. */
const SQUATTED = 600;
/** Beyond the last port. */
const MORE = 20;
/** Who come while no port is free. */
const CROWD = 500;
const CHURN = 1000;
const AT_ONCE = 20;
const FILLS = [0.95, 0.98, 0.99, 1];

interface Row {
  readonly name: string;
  readonly even: ClientReport;
  readonly uneven: ClientReport;
  /** Connections of the other program that still work. */
  readonly squattersLeft: number;
  readonly churns: readonly ClientReport[];
  readonly crowd: Crowd;
}

/** What it costs to have no port for those who come; undefined where the kernel does the work. */
interface Crowd {
  readonly report: ClientReport;
  readonly cpuMsEach: number | undefined;
}

/** Resolves with the tables, as Markdown. */
export async function runExhaustion(
  children: Children,
  directory: string,
  contenders: readonly Contender[],
): Promise<string> {
  const rows: Row[] = [];
  for (const contender of contenders) {
    process.stderr.write(`${contender.name} …\n`);
    const { even, crowd } = await inField(children, directory, contender, 0, async ({ tell, cpuMs }) => {
      const held = await tell({ type: 'open', count: PORTS + MORE });
      const before = cpuMs();
      const report = await tell({ type: 'crowd', count: CROWD });
      const cpuMsEach = before === undefined ? undefined : (cpuMs()! - before) / CROWD;
      return { even: held, crowd: { report, cpuMsEach } };
    });
    const { uneven, squattersLeft } = await inField(
      children,
      directory,
      contender,
      SQUATTED,
      async ({ tell, countSquatters }) => ({
        uneven: await tell({ type: 'open', count: PORTS - SQUATTED + MORE }),
        squattersLeft: await countSquatters(),
      }),
    );
    const churns = await churn(children, directory, contender);
    rows.push({ name: contender.name, even, uneven, squattersLeft, churns, crowd });
  }
  return describe(rows);
}

async function churn(children: Children, directory: string, contender: Contender): Promise<readonly ClientReport[]> {
  const churns: ClientReport[] = [];
  for (const fill of FILLS) {
    churns.push(
      await inField(children, directory, contender, 0, async ({ tell }) => {
        await tell({ type: 'open', count: Math.round(PORTS * fill) });
        return tell({ type: 'churn', count: CHURN, atOnce: AT_ONCE });
      }),
    );
  }
  return churns;
}

/** That table alone. */
export async function runChurn(
  children: Children,
  directory: string,
  contenders: readonly Contender[],
): Promise<string> {
  const rows: Pick<Row, 'name' | 'churns'>[] = [];
  for (const contender of contenders) {
    process.stderr.write(`${contender.name} …\n`);
    rows.push({ name: contender.name, churns: await churn(children, directory, contender) });
  }
  return describeChurns(rows);
}

/** Everything anew for each run: what one leaves in TIME_WAIT or conntrack is no business of the next. */
async function inField<T>(
  children: Children,
  directory: string,
  contender: Contender,
  squatted: number,
  run: (field: {
    readonly tell: (command: ClientCommand) => Promise<ClientReport>;
    readonly countSquatters: () => Promise<number>;
    /** CPU time of the balancer so far. */
    readonly cpuMs: () => number | undefined;
  }) => Promise<T>,
): Promise<T> {
  const [clientSide, middle, serverSide] = [
    await Namespace.create(children),
    await Namespace.create(children),
    await Namespace.create(children),
  ];
  const started: ChildProcess[] = [];
  clientSide.connect('c0', [`${CLIENT}/16`], middle, 'b0', [`${FRONT.host}/16`]);
  middle.connect('b1', ['10.2.0.2/16', ...SOURCES.map((source) => `${source}/16`)], serverSide, 's0', [
    `${SERVER.host}/16`,
  ]);
  for (const [namespace, via] of [
    [clientSide, FRONT.host],
    [serverSide, '10.2.0.2'],
  ] as const)
    namespace.run('ip', 'route', 'add', 'default', 'via', via);
  clientSide.set({ 'net.ipv4.ip_local_port_range': '1024 65535', 'net.ipv4.tcp_tw_reuse': 1 });
  middle.set({ 'net.ipv4.tcp_tw_reuse': 1 });
  const server = serverSide.fork(new URL('../scale/server.js', import.meta.url), SERVER.host, String(SERVER.port));
  started.push(server);
  await nextMessage(server);
  let squatter: ChildProcess | undefined;
  if (squatted > 0) {
    squatter = middle.fork(
      new URL('./squatter.js', import.meta.url),
      SOURCES[0]!,
      String(RANGE.low),
      String(squatted),
      SERVER.host,
      String(SERVER.port),
    );
    started.push(squatter);
    await nextMessage(squatter);
  }
  const field: Field = { namespace: middle, directory, front: FRONT, server: SERVER, sources: SOURCES, ports: RANGE };
  const { pids, stop } = await contender.start(field);
  const client = clientSide.fork(new URL('./client.js', import.meta.url), FRONT.host, String(FRONT.port), CLIENT);
  started.push(client);
  await nextMessage(client);
  try {
    return await run({
      tell: (command) => ask<ClientReport>(client, command),
      countSquatters: async () => (squatter === undefined ? 0 : ask<number>(squatter, 'count')),
      cpuMs: () => (pids.length === 0 ? undefined : pids.reduce((sum, pid) => sum + cpuMicroseconds(pid) / 1000, 0)),
    });
  } finally {
    await children.end(client);
    await stop();
    for (const child of started) await children.end(child);
    for (const namespace of [clientSide, middle, serverSide]) await namespace.remove();
  }
}

function ask<T>(child: ChildProcess, command: ClientCommand | 'count'): Promise<T> {
  child.send(command);
  return nextMessage<T>(child);
}

const table = (columns: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('');

function describe(rows: readonly Row[]): string {
  const hold = (name: string, { held, heldAtFirstRefusal, failures }: ClientReport): (string | number)[] => [
    name,
    heldAtFirstRefusal < 0 ? 'none refused' : heldAtFirstRefusal,
    held,
    list(failures),
  ];
  const columns = (ports: number): string[] => [
    'balancer',
    'held at the first refusal',
    `held in the end, of ${ports}`,
    'what the others get',
  ];
  const evens = table(
    columns(PORTS),
    rows.map(({ name, even }) => hold(name, even)),
  );
  const unevens = table(
    [...columns(PORTS - SQUATTED), `the other program’s connections that still work, of ${SQUATTED}`],
    rows.map(({ name, uneven, squattersLeft }) => [...hold(name, uneven), squattersLeft]),
  );
  const crowds = table(
    ['balancer', 'CPU ms for each', 'what they get'],
    rows.map(({ name, crowd: { report, cpuMsEach } }) => [name, cpuMsEach?.toFixed(2) ?? '', list(report.failures)]),
  );
  return `### ${PORTS} ports of ${SOURCES.length} sources

${PORTS + MORE} WebSockets to one destination, opened one after the other and held.

${evens}
### While no port is free

${CROWD} more clients come at once; Portico lets them wait for five seconds.

${crowds}
### The same with an uneven pool

Another program holds ${SQUATTED} ports of the first source towards the same destination.

${unevens}

${describeChurns(rows)}`;
}

function describeChurns(rows: readonly Pick<Row, 'name' | 'churns'>[]): string {
  const churns = table(
    ['balancer', ...FILLS.map((fill) => `${fill * 100} %`)],
    rows.map(({ name, churns: reports }) => [
      name,
      ...reports.map(
        ({ failed, late, medianMs, longestMs }) =>
          `${failed} failed, ${late} late; wait ${medianMs.toFixed(0)} ms, longest ${longestMs.toFixed(0)} ms`,
      ),
    ]),
  );
  return `### Churn

So many of the ${PORTS} ports are in use; ${CHURN} times, ${AT_ONCE} at a time, a WebSocket is closed and another one opened. Late: after
900 ms or more, which is a first packet that was dropped and sent again.

${churns}`;
}

function list(failures: Readonly<Record<string, number>>): string {
  const all = Object.entries(failures).map(([reason, count]) => `${count} × ${reason}`);
  return all.length === 0 ? '' : all.join(', ');
}
