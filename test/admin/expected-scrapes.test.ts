import t from 'tap';
import { ExpectedScrapes } from '../../admin/metrics/expected-scrapes.ts';
import { FakeClock } from '../fixtures/fake-clock.ts';

/** What was collected says when it was begun, in milliseconds. */
function start() {
  const clock = new FakeClock();
  const state = { fails: false };
  const begun: number[] = [];
  const scrapes = new ExpectedScrapes({
    clock,
    collect: async (format) => {
      begun.push(clock.now());
      if (state.fails) throw new Error('no plane answers');
      return Buffer.from(`${format} ${clock.now()}`);
    },
  });
  const ask = async (from = 'a', format: 'prometheus' | 'openmetrics' = 'prometheus') =>
    String(await scrapes.answer(from, format));
  return { clock, state, begun, ask };
}

t.test('from the fourth scrape in time on, the answer is there', async (t) => {
  const { clock, begun, ask } = start();
  for (const at of [0, 5000, 10_000]) {
    t.equal(await ask(), `prometheus ${at}`);
    clock.advance(5000);
  }
  t.equal(await ask(), 'prometheus 14800');
  clock.advance(4990);
  t.equal(await ask(), 'prometheus 19800', 'a little early');
  clock.advance(5050);
  t.equal(await ask(), 'prometheus 24780', 'a little late');
  t.strictSame(begun, [0, 5000, 10_000, 14_800, 19_800, 24_780], 'one collection a scrape');
});

t.test('who comes late, or no more, is not waited for', async (t) => {
  const { clock, begun, ask } = start();
  for (let i = 0; i < 3; i++) {
    await ask();
    clock.advance(5000);
  }
  t.equal(begun.at(-1), 14_800);
  clock.advance(400);
  t.equal(await ask(), 'prometheus 15400', 'older than half a second');
  clock.advance(60_000);
  t.equal(begun.length, 5, 'an interval that was another foretells nothing');
  await ask();
  clock.advance(600_000);
  t.equal(begun.length, 6);
  t.equal(clock.pending, 0);
});

t.test('loops and single looks get fresh answers', async (t) => {
  const { clock, ask } = start();
  for (let i = 0; i < 6; i++) {
    t.equal(await ask(), `prometheus ${i * 900}`);
    clock.advance(900);
  }
  t.equal(clock.pending, 0);
});

t.test('two scrapers with a rhythm and a format each; strangers push out those who no longer come', async (t) => {
  const { clock, ask } = start();
  for (let i = 0; i < 4; i++) {
    const [a, b] = [await ask('a'), await ask('b', 'openmetrics')];
    t.equal(a, `prometheus ${i < 3 ? i * 5000 : 14_800}`);
    t.equal(b, `openmetrics ${i < 3 ? i * 5000 : 14_800}`);
    clock.advance(5000);
  }
  for (let i = 0; i < 20; i++) await ask(`stranger ${i}`);
  t.equal(clock.pending, 0);
});

t.test('an answer that could not be made ahead is tried again', async (t) => {
  const { clock, state, ask } = start();
  for (let i = 0; i < 2; i++) {
    await ask();
    clock.advance(5000);
  }
  await ask();
  state.fails = true;
  clock.advance(4900);
  await t.rejects(ask(), /no plane answers/);
  state.fails = false;
  clock.advance(5000);
  t.equal(await ask(), 'prometheus 19600');
});
