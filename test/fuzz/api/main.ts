// npm run fuzz:api -- [--seed N] [--requests N]
import { parseArgs } from 'node:util';
import { fuzzPortico } from './fuzz-portico.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    requests: { type: 'string', default: '10000' },
  },
});
process.stdout.write(`seed ${values.seed}\n`);
const started = performance.now();
const result = await fuzzPortico({ seed: Number(values.seed), requests: Number(values.requests) });
const statuses = [...result.statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} × ${status}`);
process.stdout.write(`${result.requests} requests in ${((performance.now() - started) / 1000).toFixed(0)} s: ${statuses.join(', ')}
faults: ${result.faults.length}
${result.faults.map((fault) => `  ${fault}\n`).join('')}traffic meanwhile: ${result.traffic.requests} requests, ${result.traffic.failures.length} failed
${result.traffic.failures.map((failure) => `  ${failure}\n`).join('')}never succeeded: ${result.operations.filter((each) => !result.succeeded.has(each)).join(', ') || 'nothing'}
`);
process.exit(result.faults.length + result.traffic.failures.length === 0 ? 0 : 1);
