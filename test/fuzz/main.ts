// npm run fuzz -- [--seed N] [--requests N] [--answers N]
import { parseArgs } from 'node:util';
import { fuzzAnswers } from './fuzz-answers.ts';
import { fuzzRequests } from './fuzz-requests.ts';
import { MAKES, startReportingServer } from './reporting-servers.ts';
import type { Tally } from './tally.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    requests: { type: 'string', default: '1000000' },
    answers: { type: 'string', default: '1000000' },
  },
});
const seed = Number(values.seed);
const perMake = Math.ceil(Number(values.requests) / MAKES.length);
process.stdout.write(`seed ${seed}\n`);
let faults = 0;

function report(what: string, tally: Tally): void {
  faults += tally.outcomes.get('disagreements') ?? 0;
  process.stdout.write(`${what}: ${tally.describe()}\n${tally.disagreements.map((line) => `  ${line}\n`).join('')}`);
}

for (const [i, make] of MAKES.entries()) {
  const server = await startReportingServer(make);
  report(`requests to ${make}`, await fuzzRequests(server, seed, i * perMake, (i + 1) * perMake));
  server.stop();
}
report('answers', await fuzzAnswers(seed, 0, Number(values.answers)));
process.exit(faults === 0 ? 0 : 1);
