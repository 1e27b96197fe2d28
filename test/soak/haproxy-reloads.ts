// npm run soak-haproxy -- [--reloads N]
// Reloads of HAProxy, with ten changes of weight each, under the load of clients with and without TLS. Exit status 1: a request failed.
import { parseArgs } from 'node:util';
import { reloadUnderLoad, WEIGHTS } from '../fixtures/haproxy-reloads.ts';
import { noHaproxy } from '../fixtures/running-haproxy.ts';

const { values } = parseArgs({ options: { reloads: { type: 'string', default: '100' } } });
const reloads = Number(values.reloads);
if (!Number.isInteger(reloads) || reloads < 1) throw new RangeError('--reloads is a whole number, 1 or more');
if (noHaproxy !== false) throw new Error(noHaproxy);

const teardowns: (() => unknown)[] = [];
/** HAProxy would outlive what started it. */
const end = async (): Promise<void> => {
  for (const teardown of teardowns.splice(0)) await teardown();
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end().then(() => process.exit(1)));
try {
  const { answered, failed } = await reloadUnderLoad(
    { teardown: (run) => teardowns.unshift(run) },
    {
      reloads,
      onReload: (done, { answered, failed }) => {
        if (done % Math.ceil(reloads / 10) === 0) {
          process.stdout.write(`${done}: ${JSON.stringify(answered)}, ${failed.length} failed\n`);
        }
      },
    },
  );
  for (const what of new Set(failed)) process.stdout.write(`failed: ${what}\n`);
  process.stdout.write(
    `${reloads} reloads, ${reloads * WEIGHTS} changes of weight, ${answered.plain} requests and ${answered.tls} by TLS, ${failed.length} failed\n`,
  );
  process.exitCode = failed.length === 0 ? 0 : 1;
} finally {
  await end();
}
