import t from 'tap';
import { hashSlots, leastConnectionsTurns, weightedTurns } from '../../../lb/nat/server-turns.ts';

const candidate = (id: number, weight = 1, held = 0) => ({ id, name: `10.0.0.${id}:80`, weight, held });
const count = (slots: readonly number[], id: number): number => slots.filter((slot) => slot === id).length;

t.test('turns by weight, mixed', async (t) => {
  t.same(weightedTurns([candidate(1, 4), candidate(2, 2)]), [1, 2, 1]);
  t.same(weightedTurns([]), []);
  const many = weightedTurns([candidate(1, 256), candidate(2, 255)]);
  t.equal(many.length, 256, 'large weights are approximated');
});

t.test('least connections: those with fewest first, until they are even by weight', async (t) => {
  t.same(leastConnectionsTurns([candidate(1, 1, 3), candidate(2, 1, 0)], 5), [2, 2, 2, 1, 2]);
  const even = leastConnectionsTurns([candidate(1, 3), candidate(2, 1)], 64);
  t.equal(count(even, 1), 48);
});

t.test('hash: when a server leaves, only its own slots move', async (t) => {
  const three = hashSlots([candidate(1), candidate(2), candidate(3)]);
  const two = hashSlots([candidate(1), candidate(3)]);
  three.forEach((id, slot) => {
    if (id !== 2) t.equal(two[slot], id);
  });
  for (const id of [1, 2, 3]) t.ok(count(three, id) > 50 && count(three, id) < 120, 'about a third each');
});
