import fc from 'fast-check';
import t from 'tap';
import { descriptorLimitFor, descriptorRoom } from '../../../lb/pressure/descriptor-room.ts';

t.test('accepting stops with some in reserve, and goes on below that', async (t) => {
  t.strictSame(descriptorRoom(1024, 24), { reserve: 63, stopAt: 937, goOnAt: 930 });
  t.match(descriptorRoom(1_048_576, 40), { stopAt: 1_047_512, goOnAt: 1_047_384 }, 'the reserve has a most');
  t.match(descriptorRoom(60, 40), { stopAt: 10, goOnAt: 9 }, 'half of very few are for connections');
  t.match(descriptorRoom(30, 40), { stopAt: 0, goOnAt: -1 }, 'and of none, none');
  t.equal(descriptorRoom(Number.POSITIVE_INFINITY, 40).stopAt, Number.POSITIVE_INFINITY);
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
