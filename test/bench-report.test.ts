import t from 'tap';
import { compare, type Figure } from './bench/compare.ts';
import { parseWrk, wrkArguments } from './bench/load/wrk.ts';
import { parseOptions } from './bench/options.ts';
import { describeRun, describeSection } from './bench/report.ts';
import { inRounds } from './bench/rounds.ts';
import type { Section } from './bench/scenario.ts';
import type { Role } from './bench/subject.ts';

const RATE: Figure<number> = { title: 'rate', digits: 0, against: ['haproxy', 'nginx'], of: (value) => value };

t.test('ratios are taken round by round, and the target by their median', async (t) => {
  // The medians themselves would give 20 / 20.
  const results = new Map<Role, number[]>([
    ['portico', [10, 20, 90]],
    ['haproxy', [5, 40, 20]],
  ]);
  const { columns, rows, targets } = compare(
    results,
    [RATE],
    [
      { subject: 'portico', figure: RATE, against: 'haproxy', bound: { atLeast: 2 } },
      { subject: 'portico', figure: RATE, against: 'haproxy', bound: { atMost: 1.9 } },
      { subject: 'portico', figure: RATE, against: 'nginx', bound: { atLeast: 1 } },
    ],
  );
  t.same(columns, ['balancer', 'rate', '× HAProxy'], 'no ratio to a balancer that did not run');
  t.same(rows, [
    ['Portico', '20 (10–90)', '2.00 (0.50–4.50)'],
    ['HAProxy', '20 (5–40)', ''],
  ]);
  t.same(targets, [
    { what: 'rate of Portico against HAProxy', value: '2.00', bound: '≥ 2', isMet: true },
    { what: 'rate of Portico against HAProxy', value: '2.00', bound: '≤ 1.9', isMet: false },
  ]);
});

t.test('each round begins with another balancer', async (t) => {
  const order: Role[] = [];
  const roles: readonly Role[] = ['portico', 'haproxy', 'nginx'];
  const results = await inRounds(
    roles.map((role) => ({ role })),
    2,
    async ({ role }) => order.push(role),
  );
  t.same(order, ['portico', 'haproxy', 'nginx', 'haproxy', 'nginx', 'portico']);
  t.same(
    [...results],
    [
      ['portico', [1, 6]],
      ['haproxy', [2, 4]],
      ['nginx', [3, 5]],
    ],
  );
});

const SECTION: Section = {
  title: 'T',
  text: 'what',
  columns: ['a', 'b'],
  rows: [['1', '2']],
  targets: [
    { what: 'x', value: '1.5', bound: '≥ 1', isMet: true },
    { what: 'y', value: '0.5', bound: '≥ 1', isMet: false },
  ],
};

t.test('the report says what was missed', async (t) => {
  const targets =
    '| target | measured | bound |  |\n| --- | --- | --- | --- |\n| x | 1.5 | ≥ 1 | met |\n| y | 0.5 | ≥ 1 | **missed** |\n\n';
  const section = `## T\n\nwhat\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n${targets}`;
  t.equal(describeSection(SECTION), section);
  const header = { date: '2001-02-03', command: 'bench', versions: { a: '1' }, rounds: 5, seconds: 4, isPinned: false };
  const run = describeRun([SECTION], header);
  t.ok(run.endsWith(section));
  const named = targets.replace('| x |', '| T: x |').replace('| y |', '| T: y |');
  t.ok(run.includes(`## Targets\n\n${named}`), 'all targets come first, each with its section');
  t.match(run, 'Made on 2001-02-03 by `bench`');
  t.match(run, 'No process was pinned');
  t.match(describeRun([SECTION], { ...header, isPinned: true }), 'pinned to core 0');
});

t.test('wrk', async (t) => {
  const text =
    '  100 requests in 2.00s, 1MB read\n  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 7\nRequests/sec:     50.25\n';
  t.same(parseWrk(text), { requests: 100, requestsPerSecond: 50.25, badStatuses: 7, socketErrors: 10 });
  t.same(parseWrk('  1 requests in 1s, 1B read\nRequests/sec: 1.00\n'), {
    requests: 1,
    requestsPerSecond: 1,
    badStatuses: 0,
    socketErrors: 0,
  });
  t.throws(() => parseWrk('unable to connect'), /no answer/);
  t.same(wrkArguments('u', { connections: 8, seconds: 2, close: true }), [
    '-t1',
    '-c8',
    '-d2',
    '-H',
    'Connection: close',
    'u',
  ]);
});

t.test('flags', async (t) => {
  t.match(parseOptions([]), {
    rounds: 5,
    seconds: 4,
    groups: ['portico', 'haproxy', 'nginx'],
    isPinned: false,
    write: false,
  });
  t.match(parseOptions(['--subjects', 'haproxy,nginx', '--only', 'close', '--pin']), {
    groups: ['haproxy', 'nginx'],
    only: 'close',
    isPinned: true,
  });
  t.throws(() => parseOptions(['--subjects', 'envoy']), /not "envoy"/);
  t.throws(() => parseOptions(['--rounds', '0']), /--rounds takes a whole number/);
  t.throws(() => parseOptions(['--write', '--only', 'close']), /all scenarios/);
  t.throws(() => parseOptions(['--write', '--subjects', 'portico']), /all balancers/);
});
