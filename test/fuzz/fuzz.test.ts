import t, { type Test } from 'tap';
import { fuzzAnswers } from './fuzz-answers.ts';
import { fuzzRequests } from './fuzz-requests.ts';
import { MAKES, startReportingServer } from './reporting-servers.ts';
import type { Tally } from './tally.ts';

// The short form of `npm run fuzz`, with a new seed each time; a failure says which.
const SEED = Math.floor(Math.random() * 2 ** 31);
const CASES = 800;

function check(t: Test, tally: Tally): void {
  t.comment(tally.describe());
  t.same(tally.disagreements, []);
  t.ok(tally.outcomes.get('read alike')! > CASES / 4, 'enough of it is right to say something');
}

for (const make of MAKES) {
  t.test(`requests that ${make} gets are read as the front reads them`, async (t) => {
    const server = await startReportingServer(make).catch((error: NodeJS.ErrnoException) => error);
    if (server instanceof Error) {
      if (server.code !== 'ENOENT') throw server;
      t.comment(`${make} is not installed`);
      return;
    }
    t.teardown(() => server.stop());
    check(t, await fuzzRequests(server, SEED, 0, CASES));
  });
}

t.test('answers are read by clients as the front reads them', async (t) => {
  check(t, await fuzzAnswers(SEED, 0, CASES));
});
