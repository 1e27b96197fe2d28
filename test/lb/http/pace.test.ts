import fc from 'fast-check';
import t from 'tap';
import { Pace } from '../../../lb/http/pace.ts';

t.test('a pace is an average over the turns, after five seconds', async (t) => {
  const pace = new Pace(100);
  pace.await(1000);
  t.equal(pace.settle(6000), true, 'nothing is asked of the first five seconds');
  pace.await(60_000);
  pace.add(99);
  t.equal(pace.settle(61_000), false, '99 bytes in the sixth');
  pace.await(61_000);
  pace.await(90_000);
  pace.add(101);
  t.equal(pace.settle(62_000), true, '200 bytes in two seconds; a turn begins once');
  pace.add(50);
  t.equal(pace.settle(999_000), true, 'time between turns is somebody else’s');
});

t.test('without a rate any pace will do', async (t) => {
  const pace = new Pace(0);
  pace.await(0);
  t.equal(pace.settle(1e9), true);
});

t.test('who keeps the rate in every turn is never too slow', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.array(fc.tuple(fc.nat(60_000), fc.nat(60_000))), (rate, turns) => {
      const pace = new Pace(rate);
      let now = 0;
      return turns.every(([pause, turn]) => {
        now += pause;
        pace.await(now);
        now += turn;
        pace.add(Math.ceil((rate * turn) / 1000));
        return pace.settle(now);
      });
    }),
  );
});
