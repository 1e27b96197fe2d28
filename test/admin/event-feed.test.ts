import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import type { AdminEvent } from '../../admin/events/admin-event.ts';
import { EventFeed } from '../../admin/events/event-feed.ts';

function feedOf(kept = 4) {
  const feed = new EventFeed({ epochMs: () => Date.UTC(2026, 0, 2) }, { kept });
  const add = (message: string): AdminEvent => feed.append({ type: 'server', severity: 'info', message, data: {} });
  return { feed, add };
}

const messages = (events: readonly AdminEvent[]): string => events.map(({ message }) => message).join('');

t.test('events have a number and a time, and are passed on', async (t) => {
  const { feed, add } = feedOf();
  const seen: AdminEvent[] = [];
  const stop = feed.subscribe((event) => seen.push(event));
  const stopSame = feed.subscribe((event) => seen.push(event));
  const a = add('a');
  stopSame();
  const b = add('b');
  stop();
  add('c');
  t.strictSame(seen, [a, a, b]);
  t.equal(a.time, '2026-01-02T00:00:00.000Z');
  t.equal(Number(b.id.split('.')[1]), Number(a.id.split('.')[1]) + 1);
});

t.test('what comes after an id', async (t) => {
  const { feed, add } = feedOf();
  t.strictSame(feed.after('none.1'), { events: [], isGap: true });
  const first = add('a');
  add('b');
  t.strictSame([messages(feed.after(first.id).events), feed.after(first.id).isGap], ['b', false]);
  for (const each of 'cdefgh') add(each);
  t.equal(messages(feed.after('').events), 'efgh', 'without an id, all that is kept');
  t.match(feed.after(first.id), { isGap: true }, 'it is forgotten');
  t.equal(messages(feed.after(first.id).events), 'efgh');
  const last = add('i');
  t.strictSame(feed.after(last.id), { events: [], isGap: false });
  const run = last.id.split('.')[0];
  for (const id of [`${run}.99`, `${run}.x`, `${run}.`, `other.5`]) t.match(feed.after(id), { isGap: true }, id);
});

t.test('backwards, page by page', async (t) => {
  const { feed, add } = feedOf();
  t.strictSame(feed.before(undefined, 10), []);
  for (const each of 'abcd') add(each);
  const page = feed.before(undefined, 3);
  t.equal(messages(page), 'dcb');
  t.equal(messages(feed.before(page.at(-1)!.id, 3)), 'a');
  t.strictSame(feed.before(feed.before(undefined, 9).at(-1)!.id, 3), []);
  t.strictSame(feed.before('other.3', 3), [], 'of another run');
  for (const each of 'efgh') add(each);
  t.strictSame(feed.before(page[0]!.id, 3), [], 'forgotten meanwhile');
});

t.test('of a long text that a name is part of nothing is kept', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { feed } = feedOf(100);
  const TEXT_BYTES = 1 << 20;
  const used = async (): Promise<number> => {
    // Memory that is not V8's own is let go after the collection.
    for (let i = 0; i < 3; i++) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = await used();
  for (let i = 0; i < 50; i++) {
    const name = Buffer.alloc(TEXT_BYTES, `${i} a backend with a long name, `).toString('latin1').slice(1000, 1040);
    feed.append({ type: 'server', severity: 'info', message: `${name} is well`, data: { backend: name } });
  }
  const kept = (await used()) - before;
  t.ok(kept < 10 * TEXT_BYTES, `${kept} bytes`);
  t.equal(feed.before(undefined, 100).length, 50);
});
