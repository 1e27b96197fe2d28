import t from 'tap';
import { type Member, ServerPool, type ServerPoolOptions } from '../../../lb/balance/server-pool.ts';
import type { ServerState } from '../../../lb/control/messages.ts';

const OUTLIER = {
  failuresInARow: 3,
  failurePercent: 0,
  minRequests: 10,
  intervalMs: 10_000,
  ejectionMs: 30_000,
  maxEjectionMs: 60_000,
  maxEjectedPercent: 50,
  statuses: [],
};

function poolOf(options: ServerPoolOptions) {
  let nowMs = 0;
  const lists: string[] = [];
  const members = new Map<string, Member>();
  const pool = new ServerPool<Member>(
    { random: () => 0, now: () => nowMs, onChange: (list) => lists.push(list.map(({ id }) => id).join('')) },
    options,
  );
  const memberOf = (id: string): Member => {
    const member = members.get(id) ?? { id, weight: 1, fullWeight: 1, active: 0, track: undefined };
    members.set(id, member);
    return member;
  };
  const update = (...states: readonly (string | (Partial<ServerState> & { readonly id: string }))[]): string => {
    pool.update(
      states.map((given) => {
        const state = typeof given === 'string' ? { id: given } : given;
        return {
          member: memberOf(state.id),
          state: { host: '', port: 1, weight: 1, healthy: true, admin: 'ready', backup: false, ...state },
        };
      }),
    );
    return pool.available.map(({ id }) => id).join('');
  };
  return {
    pool,
    lists,
    update,
    memberOf,
    available: () => pool.available.map(({ id }) => id).join(''),
    advance: (ms: number): void => {
      nowMs += ms;
      pool.tick(nowMs);
    },
  };
}

t.test('who gets requests', async (t) => {
  const { update, pool, memberOf } = poolOf({ slowStartMs: 0 });
  t.equal(update('a', 'b'), 'ab');
  t.equal(update('a', { id: 'b', healthy: false }), 'a');
  t.equal(update('a', { id: 'b', weight: 0 }), 'a');
  t.equal(update('a', { id: 'b', admin: 'drain' }), 'a');
  t.ok(pool.keepsSessions(memberOf('b')), 'a drain lets sessions end');
  t.equal(update('a', { id: 'b', admin: 'maintenance' }), 'a');
  t.notOk(pool.keepsSessions(memberOf('b')));
  t.notOk(pool.keepsSessions(memberOf('gone')));
});

t.test('backups stand in while nobody else is there', async (t) => {
  const { update } = poolOf({ slowStartMs: 0 });
  const backups = [
    { id: 'x', backup: true },
    { id: 'y', backup: true },
  ];
  t.equal(update('a', 'b', ...backups), 'ab');
  t.equal(update({ id: 'a', healthy: false }, 'b', ...backups), 'b');
  t.equal(update({ id: 'a', healthy: false }, { id: 'b', admin: 'drain' }, ...backups), 'xy');
  t.equal(update('a', { id: 'b', admin: 'drain' }, ...backups), 'a');
});

t.test('traffic ejects, time brings back', async (t) => {
  const { update, memberOf, available, advance, lists } = poolOf({ slowStartMs: 0, outlier: OUTLIER });
  update('a', 'b');
  for (let i = 0; i < 3; i++) memberOf('a').track!.failure();
  t.equal(available(), 'b');
  for (let i = 0; i < 3; i++) memberOf('b').track!.failure();
  t.equal(available(), 'b', 'no more than half');
  t.equal(update('a', { id: 'b', healthy: false }), 'a', 'the one that is left has to do');
  update('a', 'b');
  advance(29_999);
  for (let i = 0; i < 3; i++) memberOf('a').track!.failure();
  t.equal(available(), 'b');
  advance(60_000);
  t.equal(available(), 'ab');
  t.same(lists.at(-1), 'ab');
});

t.test('with all ejected, which has to be asked for, backups take over', async (t) => {
  const { update, memberOf, available } = poolOf({
    slowStartMs: 0,
    outlier: { ...OUTLIER, maxEjectedPercent: 100 },
  });
  update('a', { id: 'x', backup: true });
  for (let i = 0; i < 3; i++) memberOf('a').track!.failure();
  t.equal(available(), 'x');
});

t.test('who comes back gets its share little by little; who was there from the start at once', async (t) => {
  const { update, memberOf, advance, available } = poolOf({ slowStartMs: 10_000, outlier: OUTLIER });
  const weight = (id: string): number => Math.round(memberOf(id).weight * 1000) / 1000;
  update({ id: 'a', weight: 4 }, { id: 'b', weight: 4 });
  t.equal(weight('a'), 4);
  update({ id: 'a', weight: 4 }, { id: 'b', weight: 4, healthy: false });
  update({ id: 'a', weight: 4 }, { id: 'b', weight: 4 });
  t.equal(weight('b'), 0.4, 'a tenth');
  t.equal(memberOf('b').fullWeight, 4);
  advance(2500);
  t.equal(weight('b'), 1);
  update({ id: 'a', weight: 4 }, { id: 'b', weight: 8 }, 'c');
  t.equal(weight('b'), 2, 'a new weight changes nothing of the way');
  t.equal(weight('c'), 0.1);
  advance(7500);
  t.same([weight('a'), weight('b'), weight('c')], [4, 8, 0.75]);
  for (let i = 0; i < 3; i++) memberOf('a').track!.failure();
  t.equal(available(), 'bc');
  advance(30_000);
  t.equal(weight('a'), 0.4, 'an ejected one as well');
});
