// npm run fuzz -- [--seed N] [--requests N] [--answers N] [--makes LIST]
//
// `--makes`: of node,uws,nginx,haproxy; the others' share of the requests is left out, and theirs stay what they are with all.
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
    makes: { type: 'string', default: MAKES.join(',') },
  },
});
const seed = Number(values.seed);
const makes = values.makes.split(',');
const stranger = makes.find((name) => !MAKES.some((make) => make === name));
if (stranger !== undefined) {
  process.stderr.write(`--makes knows ${MAKES.join(', ')}, not "${stranger}"\n`);
  process.exit(2);
}
const perMake = Math.ceil(Number(values.requests) / MAKES.length);
process.stdout.write(`seed ${seed}\n`);
let faults = 0;

function report(what: string, tally: Tally): void {
  faults += tally.outcomes.get('disagreements') ?? 0;
  process.stdout.write(`${what}: ${tally.describe()}\n${tally.disagreements.map((line) => `  ${line}\n`).join('')}`);
}

for (const [i, make] of MAKES.entries()) {
  if (!makes.includes(make)) continue;
  const server = await startReportingServer(make);
  report(`requests to ${make}`, await fuzzRequests(server, seed, i * perMake, (i + 1) * perMake));
  server.stop();
}
report('answers', await fuzzAnswers(seed, 0, Number(values.answers)));
process.exit(faults === 0 ? 0 : 1);
