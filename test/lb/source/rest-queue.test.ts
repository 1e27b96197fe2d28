import fc from 'fast-check';
import t from 'tap';
import { type RestLinks, RestQueue } from '../../../lb/source/rest-queue.ts';

const REST_MS = 640;
/** Batches span a 64th of the rest. */
const SLACK_MS = 10;

function links(): RestLinks {
  const next = new Map<number, number>();
  return { link: (port) => next.get(port)!, setLink: (port, value) => void next.set(port, value) };
}

t.test('a port alone rests for the very time', async (t) => {
  const queue = new RestQueue(links(), REST_MS);
  t.equal(queue.readyAtMs, Number.POSITIVE_INFINITY);
  queue.push(7, 100.5);
  t.equal(queue.readyAtMs, 740.5);
  t.equal(queue.shift(), 7);
  t.equal(queue.readyAtMs, Number.POSITIVE_INFINITY);
  t.equal(queue.length, 0);
});

t.test('ports wake in their order, never too early, and late by no more than a batch', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ waitMs: fc.nat(60), push: fc.boolean() }), { maxLength: 400, size: 'max' }),
      (steps) => {
        const queue = new RestQueue(links(), REST_MS);
        const model: { port: number; atMs: number }[] = [];
        let now = 0;
        let port = 1;
        for (const { waitMs, push } of steps) {
          now += waitMs;
          while (queue.readyAtMs <= now) {
            const first = model.shift()!;
            if (queue.shift() !== first.port || first.atMs + REST_MS > now) return false;
          }
          if (model.length > 0 && model[0]!.atMs + REST_MS + SLACK_MS <= now) return false;
          if (push) {
            queue.push(port, now);
            model.push({ port: port++, atMs: now });
          }
          if (queue.length !== model.length) return false;
        }
        return true;
      },
    ),
    { numRuns: 200 },
  );
});
