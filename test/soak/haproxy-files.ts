// npm run soak-haproxy-files -- [--files N] [--seed N]
// A thousand generated files of portico.yaml, each looked at by `haproxy -c`. Exit status 1: one of them is not taken, or not without a warning.
import { parseArgs } from 'node:util';
import { checkGenerated, TOGETHER } from '../fixtures/haproxy-generated.ts';
import { noHaproxy } from '../fixtures/running-haproxy.ts';

const { values } = parseArgs({ options: { files: { type: 'string', default: '1000' }, seed: { type: 'string' } } });
const files = Number(values.files);
const seed = values.seed === undefined ? undefined : Number(values.seed);
if (!Number.isInteger(files) || files < TOGETHER || files % TOGETHER !== 0)
  throw new RangeError(`--files is a multiple of ${TOGETHER}`);
if (seed !== undefined && !Number.isInteger(seed)) throw new RangeError('--seed is a whole number');
if (noHaproxy !== false) throw new Error(noHaproxy);

const done = await checkGenerated({
  files,
  seed,
  onDone: (done) => {
    if (done % 200 === 0) process.stdout.write(`${done}\n`);
  },
});
process.stdout.write(`${done} files, all taken by haproxy -c without a warning\n`);
