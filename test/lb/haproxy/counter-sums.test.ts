import t from 'tap';
import { CounterSums } from '../../../lb/haproxy/counter-sums.ts';
import { readStat } from '../../../lb/haproxy/stat-table.ts';

const A = '10.0.0.1:80';

/** What a worker says: `PROXY NAME` with its connections and failures. */
const rows = (table: Readonly<Record<string, readonly [connect: number, econ: number]>>) =>
  readStat(
    [
      '# pxname,svname,connect,econ',
      ...Object.entries(table).map(([key, counts]) => [...key.split(' '), ...counts].join(',')),
    ].join('\n'),
  );

t.test('each worker begins at nothing; what the former ones count on is added', async (t) => {
  const sums = new CounterSums();
  sums.read(rows({ 'app BACKEND': [5, 1] }));
  sums.read(rows({ 'app BACKEND': [7, 1] }));
  sums.handOver(100);
  sums.read(rows({ 'app BACKEND': [2, 0] }));
  sums.read(rows({ 'app BACKEND': [8, 2] }), 100);
  t.equal(sums.of('app', 'BACKEND', 'connect'), 10);
  t.equal(sums.of('app', 'BACKEND', 'econ'), 2);
  sums.forget(100);
  sums.read(rows({ 'app BACKEND': [50, 50] }), 100);
  t.equal(sums.of('app', 'BACKEND', 'connect'), 10, 'one that has ended says nothing more');
  sums.restart();
  sums.read(rows({ 'app BACKEND': [1, 0] }));
  t.equal(sums.of('app', 'BACKEND', 'connect'), 11);
  sums.read(rows({ 'app BACKEND': [0, 0] }));
  sums.read(rows({ 'app BACKEND': [3, 0] }));
  t.equal(sums.of('app', 'BACKEND', 'connect'), 14, 'a counter that was cleared goes on');
});

t.test('lines of a server come and go, and its counters never fall', async (t) => {
  const sums = new CounterSums();
  sums.read(rows({ [`app ${A}_10.1.0.1_20000`]: [3, 1], [`app ${A}_10.1.0.1_20016`]: [4, 0] }));
  sums.handOver(100);
  sums.read(rows({ [`app ${A}_10.1.0.1_30000`]: [1, 0], [`app ${A}_10.1.0.2_20000`]: [2, 2] }));
  t.equal(sums.ofSource('app', A, '10.1.0.1', 'connect'), 8);
  t.equal(sums.ofSource('app', A, '10.1.0.2', 'connect'), 2);
  t.equal(sums.ofServer('app', A, 'connect'), 10);
  t.equal(sums.ofServers('app', 'econ'), 3);
  t.equal(sums.ofServer('other', A, 'connect'), 0);
});

t.test('servers that are gone are forgotten, but for the sum of all', async (t) => {
  const sums = new CounterSums();
  const table = {
    'app BACKEND': [9, 0],
    [`app ${A}_10.1.0.1_20000`]: [3, 1],
    'app [fd00::2]:80_fd00::1_20000': [5, 0],
    [`ck_app ${A}`]: [1, 0],
  } as const;
  sums.read(rows(table));
  sums.retain(new Set(['app [fd00::2]:80']));
  t.equal(sums.ofServer('app', A, 'connect'), 0);
  t.equal(sums.ofSource('app', A, '10.1.0.1', 'connect'), 0);
  t.equal(sums.ofSource('app', '[fd00::2]:80', 'fd00::1', 'connect'), 5);
  t.equal(sums.ofServer('app', '[fd00::2]:80', 'connect'), 5);
  t.equal(sums.ofServers('app', 'connect'), 8);
  t.equal(sums.of('app', 'BACKEND', 'connect'), 9);
});
