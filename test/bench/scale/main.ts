// `npm run scale`: more connections at once to one destination than one source address has ports for.
import { spawnSync } from 'node:child_process';
import { Children } from '../children.ts';
import { parseOptions, type ScaleOptions, USAGE } from './options.ts';
import { runScale } from './run-scale.ts';
import { type ScaleResult, table } from './scale-result.ts';

let options: ScaleOptions;
try {
  options = parseOptions(process.argv.slice(2));
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exit(2);
}
if (process.getuid?.() !== 0) {
  const again = spawnSync('unshare', ['-rmn', '--', process.execPath, ...process.argv.slice(1)], { stdio: 'inherit' });
  process.exit(again.status ?? 1);
}
let children = new Children();
process.on('exit', () => children.signalAll());
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
try {
  const results: ScaleResult[] = [];
  for (const name of options.through) {
    console.log(`\n${name}`);
    results.push(await runScale(children, name, options, console.log));
    // Nothing of it is left in memory or in the kernel when the next one begins.
    await children.stop();
    children = new Children();
  }
  console.log(`\n${table(results)}`);
  process.exitCode = results.every(({ isFine }) => isFine) ? 0 : 1;
} catch (error) {
  console.error((error as Error).stack);
  process.exitCode = 1;
} finally {
  await children.stop();
}
