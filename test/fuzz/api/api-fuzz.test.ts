import t from 'tap';
import { fuzzPortico } from './fuzz-portico.ts';

// The short form of `npm run fuzz:api`, with a new seed each time; a failure says which.
const SEED = Math.floor(Math.random() * 2 ** 31);
const REQUESTS = 500;

t.test('a Portico with traffic answers good and bad requests as its description says', async (t) => {
  const result = await fuzzPortico({ seed: SEED, requests: REQUESTS });
  t.comment(`seed ${SEED}: ${[...result.statuses].map(([status, count]) => `${count} × ${status}`).join(', ')}`);
  t.strictSame(result.faults, []);
  t.strictSame(result.traffic.failures, []);
  t.ok(result.traffic.requests > 100, 'there was traffic');
  t.ok(result.succeeded.size > result.operations.length / 2, 'enough of it is right to say something');
  t.strictSame(result.complaints, [], 'nothing went wrong inside');
});
