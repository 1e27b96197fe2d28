import fc from 'fast-check';
import t from 'tap';
import { createPolicy } from '../../../lb/balance/create-policy.ts';
import { hash } from '../../../lb/balance/hash.ts';
import { leastConnections } from '../../../lb/balance/least-connections.ts';
import type { Candidate, PickContext } from '../../../lb/balance/policy.ts';
import { randomTwo } from '../../../lb/balance/random-two.ts';
import { roundRobin } from '../../../lb/balance/round-robin.ts';

const candidate = (id: string, weight = 1, active = 0): Candidate => ({ id, weight, active });

/** mulberry32: the same numbers in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

const context = (hashKey?: string, random: () => number = seeded(1)): PickContext => ({ hashKey, random });

t.test('round-robin is smooth', async (t) => {
  const pick = roundRobin();
  const candidates = [candidate('a', 5), candidate('b', 1), candidate('c', 1)];
  t.equal(Array.from({ length: 14 }, () => pick(candidates, context())!.id).join(''), 'aabacaaaabacaa');
});

t.test('round-robin goes on when a candidate is missing for a while', async (t) => {
  const pick = roundRobin();
  const [a, b, c] = [candidate('a'), candidate('b'), candidate('c')];
  const order = [
    [a, b, c],
    [a, b, c],
    [a, c],
    [a, c],
    [a, b, c],
    [a, b, c],
    [a, b, c],
  ].map((list) => pick(list, context())!.id);
  t.same(order.slice(0, 2), ['a', 'b']);
  t.ok(order.slice(2, 4).every((id) => id !== 'b'));
  t.same([...new Set(order.slice(4))].sort(), ['a', 'b', 'c']);
});

t.test('least-connections counts by weight, and equals take turns', async (t) => {
  const pick = leastConnections();
  t.equal(pick([candidate('a', 1, 3), candidate('b', 1, 2), candidate('c', 1, 4)], context())?.id, 'b');
  t.equal(pick([candidate('a', 1, 2), candidate('b', 10, 9)], context())?.id, 'b');
  const equal = [candidate('a'), candidate('b'), candidate('c')];
  const seen = Array.from({ length: 9 }, () => pick(equal, context())!.id);
  for (const id of ['a', 'b', 'c']) t.equal(seen.filter((other) => other === id).length, 3);
});

t.test('random-two takes the less busy of two different ones', async (t) => {
  const pick = randomTwo();
  const scripted = (...values: number[]) => context(undefined, () => values.shift()!);
  const candidates = [candidate('a', 1, 9), candidate('b', 1, 1), candidate('c', 1, 5)];
  t.equal(pick(candidates, scripted(0, 0))?.id, 'b', 'a and b');
  t.equal(pick(candidates, scripted(0, 0.99))?.id, 'c', 'a and c');
  t.equal(pick(candidates, scripted(0.5, 0.99))?.id, 'b', 'b and c');
  t.equal(pick([candidates[0]!], scripted())?.id, 'a');
});

t.test('random-two follows the weights', async (t) => {
  const pick = randomTwo();
  const counts = new Map<string, number>();
  const candidates = [candidate('a', 1), candidate('b', 1), candidate('c', 8)];
  const random = context();
  for (let i = 0; i < 10_000; i++) {
    const { id } = pick(candidates, random)!;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  // First drawn with 8 in 10; drawn second, it loses the tie.
  t.ok(Math.abs(counts.get('c')! / 10_000 - 0.8) < 0.02, `c got ${counts.get('c')}`);
});

t.test('hash spreads keys by weight', async (t) => {
  const pick = hash();
  const candidates = [candidate('10.0.0.1:80', 1), candidate('10.0.0.2:80', 1), candidate('10.0.0.3:80', 2)];
  const counts = new Map<string, number>();
  const keys = 40_000;
  for (let i = 0; i < keys; i++) {
    const { id } = pick(candidates, context(`192.168.${i >> 8}.${i & 255}`))!;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const expected = [0.25, 0.25, 0.5];
  // Chi-square with two degrees of freedom: 13.8 is exceeded once in a thousand.
  const chiSquare = candidates.reduce(
    (sum, { id }, i) => sum + (counts.get(id)! - expected[i]! * keys) ** 2 / (expected[i]! * keys),
    0,
  );
  t.ok(chiSquare < 13.8, `chi-square ${chiSquare.toFixed(2)}`);
});

t.test('hash moves only the keys of a server that leaves, and to all others', async (t) => {
  const pick = hash();
  const candidates = Array.from({ length: 10 }, (_, i) => candidate(`10.0.0.${i}:80`));
  const without = candidates.slice(1);
  const movedTo = new Set<string>();
  let wronglyMoved = 0;
  for (let i = 0; i < 5000; i++) {
    const before = pick(candidates, context(`key-${i}`))!.id;
    const after = pick(without, context(`key-${i}`))!.id;
    if (before === candidates[0]!.id) movedTo.add(after);
    else if (before !== after) wronglyMoved++;
  }
  t.equal(wronglyMoved, 0);
  t.equal(movedTo.size, 9);
});

t.test('hash is the same in every process, and places requests without a key too', async (t) => {
  const candidates = [candidate('a'), candidate('b'), candidate('c')];
  t.same(
    ['x', 'y', 'z', ''].map((key) => hash()(candidates, context(key))!.id),
    ['x', 'y', 'z', ''].map((key) => hash()(candidates, context(key))!.id),
  );
  t.ok(hash()(candidates, context()));
});

t.test('every policy answers with one of the candidates, and with none only for none', async (t) => {
  const list = fc.array(
    fc.record({ id: fc.string(), weight: fc.integer({ min: 1, max: 256 }), active: fc.nat(1000) }),
    { maxLength: 12 },
  );
  for (const name of ['round-robin', 'least-connections', 'random-two', 'hash'] as const) {
    const pick = createPolicy(name);
    fc.assert(
      fc.property(list, fc.option(fc.string(), { nil: undefined }), fc.integer(), (candidates, key, seed) => {
        const chosen = pick(candidates, context(key, seeded(seed)));
        return candidates.length === 0 ? chosen === undefined : candidates.includes(chosen!);
      }),
    );
    t.pass(name);
  }
});
