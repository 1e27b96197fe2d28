import t from 'tap';
import { Arena } from '../../../lb/net/arena.ts';

t.test('a slab that a message fills goes with it, and is used again once it is back', async (t) => {
  const arena = new Arena(100);
  arena.reserve(10);
  t.equal(arena.lend(10), undefined, 'what leaves room is committed');
  t.equal(arena.offset, 10);
  arena.reserve(95);
  const { slab } = arena;
  slab[0] = 1;
  t.equal(arena.lend(95), slab);
  t.not(arena.slab, slab, 'nobody writes to it meanwhile');
  arena.takeBack(slab);
  arena.reserve(95);
  t.ok(arena.lend(95));
  t.equal(arena.slab, slab);
  t.equal(arena.offset, 0);
});
