import t from 'tap';
import { CounterSums } from '../../../lb/haproxy/counter-sums.ts';
import { FailingServers } from '../../../lb/haproxy/failing-servers.ts';
import { type LineState, lineKey } from '../../../lb/haproxy/line-steering.ts';
import { haproxyLines } from '../../../lb/haproxy/server-lines.ts';
import { readStat } from '../../../lb/haproxy/stat-table.ts';
import { load, planOf } from '../../fixtures/haproxy.ts';

/** Servers 1, 2, … with three lines each; `counts` by server and line: tries, reuses, redispatches, errors of connections and of answers. */
function laboratory(servers: number) {
  const places = Array.from({ length: servers }, (_, i) => `{ address: "10.0.1.${i + 1}:80" }`);
  const plan = planOf(
    load(`
sources: [{ name: wide, addresses: [10.0.0.1-10.0.0.3], ports: 20000-20999 }]
listeners: [{ name: web, bind: ":80", engine: haproxy, routes: [{ backend: app }] }]
backends: [{ name: app, servers: [${places}] }]
`),
  );
  const states = new Map<string, LineState>(
    haproxyLines(plan).lines.map((line) => [
      lineKey(line),
      { line, weight: line.weight, admin: 'ready', used: 0, idle: 0 },
    ]),
  );
  const sums = new CounterSums();
  const failing = new FailingServers();
  const of = (server: number): LineState[] =>
    [...states.values()].filter(({ line }) => line.server.host === `10.0.1.${server}`);
  const read = (counts: Readonly<Record<number, readonly (readonly number[])[]>>): void => {
    const rows = Object.entries(counts).flatMap(([server, lines]) =>
      lines.map((numbers, i) => `be_app_http,${of(Number(server))[i]!.line.name},${numbers.join(',')}`),
    );
    sums.read(readStat(['# pxname,svname,connect,reuse,wredis,econ,eresp', ...rows].join('\n')));
    failing.read(states, sums);
  };
  const resting = (server: number): boolean[] => of(server).map(({ line }) => failing.rests(line));
  return { states, read, of, resting };
}

t.test('a server of which every try fails keeps the line with the most free ports, until one succeeds', (t) => {
  const { read, of, resting } = laboratory(2);
  of(1)[0]!.used = 10;
  of(1)[2]!.used = 5;
  read({ 1: [[4, 0, 2], [3, 0, 3], [0]], 2: [[9]] });
  t.strictSame(resting(1), [false, false, false], 'two of seven have succeeded');
  read({
    1: [
      [6, 0, 4],
      [3, 0, 3],
      [1, 0, 0, 1],
    ],
    2: [[9]],
  });
  t.strictSame(resting(1), [true, false, true]);
  t.strictSame(resting(2), [false, false, false]);
  read({
    1: [
      [6, 0, 4],
      [5, 0, 5],
      [1, 0, 0, 1],
    ],
    2: [[19]],
  });
  t.strictSame(resting(1), [true, false, true]);
  read({
    1: [
      [6, 0, 4],
      [6, 0, 5],
      [1, 0, 0, 1],
    ],
    2: [[29]],
  });
  t.strictSame(resting(1), [false, false, false]);
  t.end();
});

for (const [what, ...readings] of [
  ['answers that are none are failures, kept connections are tries', [5, 0, 0, 0, 5], [5, 1, 0, 0, 5]],
  ['a new worker counts from zero', [100, 0, 0], [2, 0, 2], [3, 0, 2]],
] as const) {
  t.test(what, (t) => {
    const { read, resting } = laboratory(2);
    const better = readings.at(-1)!;
    for (const counts of readings.slice(0, -1)) read({ 1: [counts] });
    t.strictSame(resting(1), [false, true, true]);
    read({ 1: [better] });
    t.strictSame(resting(1), [false, false, false]);
    t.end();
  });
}

t.test('where there is no other server, no line rests', (t) => {
  const { read, resting } = laboratory(1);
  read({ 1: [[5, 0, 5]] });
  t.strictSame(resting(1), [false, false, false]);
  t.end();
});

t.test('when the line that was kept leaves or goes, the others are used again', (t) => {
  const { states, read, of, resting } = laboratory(2);
  read({ 1: [[5, 0, 5]] });
  t.strictSame(resting(1), [false, true, true]);
  of(1)[0]!.admin = 'drain';
  read({ 1: [[5, 0, 5]] });
  t.strictSame(resting(1), [false, false, false]);
  read({
    1: [
      [5, 0, 5],
      [1, 0, 1],
    ],
  });
  t.strictSame(resting(1), [true, false, true]);
  states.delete(lineKey(of(1)[1]!.line));
  read({});
  t.strictSame(resting(1), [false, false]);
  t.end();
});
