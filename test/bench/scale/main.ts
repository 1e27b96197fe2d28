// `npm run scale`: more connections at once to one destination than one source address has ports for.
import { spawnSync } from 'node:child_process';
import { Children } from '../children.ts';
import { parseOptions, type ScaleOptions, USAGE } from './options.ts';
import { runScale } from './run-scale.ts';

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
const children = new Children();
process.on('exit', () => children.signalAll());
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
try {
  process.exitCode = (await runScale(children, options, console.log)) ? 0 : 1;
} catch (error) {
  console.error((error as Error).stack);
  process.exitCode = 1;
} finally {
  await children.stop();
}
