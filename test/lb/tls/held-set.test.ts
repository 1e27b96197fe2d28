import t from 'tap';
import { HeldSet } from '../../../lb/tls/held-set.ts';

t.test('goes with the drop where nobody holds it, else with the last holder, once', async (t) => {
  let freed = 0;
  const start = (): HeldSet => {
    freed = 0;
    return new HeldSet(() => {
      freed += 1;
    });
  };
  const idle = start();
  idle.hold()();
  t.equal(freed, 0, 'without a drop it stays');
  idle.drop();
  t.equal(freed, 1);

  const busy = start();
  const [one, other] = [busy.hold(), busy.hold()];
  busy.drop();
  one();
  one();
  t.equal(freed, 0, 'the other holds it');
  other();
  other();
  t.equal(freed, 1);
});
