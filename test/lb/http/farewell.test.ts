import t from 'tap';
import { Farewell } from '../../../lb/http/farewell.ts';

const guestsOf = (count: number) => {
  const asked: number[] = [];
  return { asked, guests: Array.from({ length: count }, (_, i) => ({ drain: () => asked.push(i) })) };
};

t.test('guests are asked evenly, each once', async (t) => {
  const { asked, guests } = guestsOf(10);
  const farewell = new Farewell(guests, 1000, 1000);
  const counts = [1000, 1001, 1100, 1150, 1500, 1999].map((nowMs) => {
    t.ok(farewell.tick(nowMs) || asked.length === 10);
    return asked.length;
  });
  t.strictSame(counts, [0, 1, 1, 2, 5, 10]);
  t.notOk(farewell.tick(2000));
  t.strictSame(asked, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

t.test('a late tick makes up for those that did not come', async (t) => {
  const { asked, guests } = guestsOf(4);
  t.notOk(new Farewell(guests, 0, 1000).tick(5000));
  t.equal(asked.length, 4);
});

t.test('without time all are asked at once, and without guests there is nothing to do', async (t) => {
  const { asked, guests } = guestsOf(3);
  t.notOk(new Farewell(guests, 0, 0).tick(0));
  t.equal(asked.length, 3);
  t.notOk(new Farewell([], 0, 1000).tick(0));
});
