import t from 'tap';
import { maglev } from '../../../lb/balance/maglev.ts';
import { maglevTable } from '../../../lb/balance/maglev-table.ts';
import type { Candidate } from '../../../lb/balance/policy.ts';

const servers = (count: number, weight = (_: number) => 1) =>
  Array.from({ length: count }, (_, i) => ({ id: `10.0.${i >> 8}.${i & 255}:80`, weight: weight(i) }));

function rowsEach(table: Uint16Array, count: number): number[] {
  const rows = new Array<number>(count).fill(0);
  for (const index of table) rows[index]!++;
  return rows;
}

/** Share of the rows whose server is another one, of those whose server is in both. */
function moved(before: readonly { id: string }[], a: Uint16Array, after: readonly { id: string }[], b: Uint16Array) {
  const stays = new Set(after.map(({ id }) => id));
  let all = 0;
  let wrong = 0;
  a.forEach((index, row) => {
    const { id } = before[index]!;
    if (!stays.has(id)) return;
    all++;
    if (after[b[row]!]!.id !== id) wrong++;
  });
  return wrong / all;
}

t.test('shares are even to a hundredth wherever there are a hundred rows for each server', async (t) => {
  // §3.4 of the paper. Turns make it exact: nobody is ahead of another by more than one row.
  for (const count of [1, 2, 3, 10, 100, 655, 1000]) {
    const table = maglevTable(servers(count));
    const rows = rowsEach(table, count);
    t.ok(Math.max(...rows) - Math.min(...rows) <= 1, `${count} servers in ${table.length} rows`);
    t.ok(Math.max(...rows) / Math.min(...rows) <= 1.01);
  }
});

t.test('shares follow weights', async (t) => {
  const weighted = servers(12, (i) => [1, 2, 5, 256][i % 4]!);
  const table = maglevTable(weighted);
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  rowsEach(table, 12).forEach((rows, i) => {
    const fair = (weighted[i]!.weight / total) * table.length;
    t.ok(Math.abs(rows / fair - 1) < 0.02, `weight ${weighted[i]!.weight}: ${rows} for ${fair.toFixed(1)}`);
  });
});

t.test('few rows of servers that stay move, and fewer in a larger table', async (t) => {
  // §5.3 of the paper looks at 1000 servers of which some fail at once: more failures move more rows, a larger table moves fewer.
  const all = servers(1000);
  const large = maglevTable(all);
  t.equal(large.length, 655_373);
  let last = 0;
  for (const failed of [1, 10, 50]) {
    const left = all.filter((_, i) => i % (1000 / failed) !== 0);
    const share = moved(all, large, left, maglevTable(left));
    t.ok(share < 0.06 && share > last, `${failed} of 1000 gone: ${(share * 100).toFixed(2)} % moved`);
    last = share;
  }
  const few = servers(100);
  const left = few.slice(1);
  const share = moved(few, maglevTable(few), left, maglevTable(left));
  t.ok(share < 0.03, `1 of 100 gone: ${(share * 100).toFixed(2)} % moved`);
});

t.test('the order of the servers does not matter', async (t) => {
  const some = servers(7, (i) => 1 + (i % 3));
  const turned = [...some].reverse();
  const a = maglevTable(some);
  const b = maglevTable(turned);
  t.ok(a.every((index, row) => some[index]!.id === turned[b[row]!]!.id));
});

t.test('the policy', async (t) => {
  const candidate = (id: string): Candidate => ({ id, weight: 1, fullWeight: 1, active: 0 });
  const available = ['a', 'b', 'c', 'd'].map(candidate);
  const pick = maglev();
  const context = (hashKey: string | undefined, list: readonly Candidate[]) => ({
    hashKey,
    available: list,
    nowMs: 0,
    random: () => 0.5,
  });
  const keys = Array.from({ length: 2000 }, (_, i) => `key-${i}`);
  const chosen = keys.map((key) => pick(available, context(key, available))!.id);
  for (const id of ['a', 'b', 'c', 'd']) {
    t.ok(Math.abs(chosen.filter((other) => other === id).length - 500) < 80, `${id} has its share`);
  }
  // One is left out for the request alone: the others keep their keys, and the table is not built anew.
  const without = available.slice(1);
  keys.forEach((key, i) => {
    const id = pick(without, context(key, available))!.id;
    if (chosen[i] === 'a' ? id === 'a' : id !== chosen[i]) t.fail(`${key} went from ${chosen[i]} to ${id}`);
  });
  t.same(
    keys.map((key) => pick(available, context(key, available))!.id),
    chosen,
  );
  t.ok(pick(available, context(undefined, available)), 'a request without a key is placed');
  t.equal(pick([], context('x', available)), undefined);
});
