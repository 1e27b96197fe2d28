import fc from 'fast-check';
import t from 'tap';
import { descriptorLimitFor, descriptorRoom } from '../../../lb/pressure/descriptor-room.ts';

t.test('accepting stops with some in reserve, and goes on below that', async (t) => {
  t.strictSame(descriptorRoom(4096, 32), { reserve: 254, stopAt: 3810, goOnAt: 3779 });
  t.strictSame(descriptorRoom(1_024_000, 32), { reserve: 1024, stopAt: 1_022_944, goOnAt: 1_022_816 }, 'at most');
  t.strictSame(descriptorRoom(132, 32), { reserve: 16, stopAt: 84, goOnAt: 82 }, 'at least');
  t.match(descriptorRoom(20, 32), { stopAt: 0 });
  t.match(descriptorRoom(Number.POSITIVE_INFINITY, 32), { stopAt: Number.POSITIVE_INFINITY });
});

t.test('the limit for a number of connections has room for them, and one less has not', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 32, max: 1_000_000 }), fc.nat(1000), (connections, others) => {
      const limit = descriptorLimitFor(connections, others);
      return (
        descriptorRoom(limit, others).stopAt >= connections && descriptorRoom(limit - 1, others).stopAt < connections
      );
    }),
  );
  t.equal(descriptorLimitFor(1500, 32), 1632);
});
