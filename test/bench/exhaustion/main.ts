// What happens when the source ports run out, here and elsewhere: npm run exhaustion [-- --only NAME] [--churn]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Children } from '../children.ts';
import { contenders } from './contenders.ts';
import { runChurn, runExhaustion } from './run-exhaustion.ts';

if (process.getuid?.() !== 0) {
  const again = spawnSync('unshare', ['-rmn', '--', process.execPath, ...process.argv.slice(1)], { stdio: 'inherit' });
  process.exit(again.status ?? 1);
}
const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, churn: { type: 'boolean', default: false } },
});
const directory = mkdtempSync(join(tmpdir(), 'portico-exhaustion-'));
const children = new Children();
process.on('exit', () => {
  children.signalAll();
  rmSync(directory, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
try {
  const chosen = contenders.filter(({ name }) => name.toLowerCase().includes(values.only.toLowerCase()));
  process.stdout.write(await (values.churn ? runChurn : runExhaustion)(children, directory, chosen));
} catch (error) {
  console.error((error as Error).stack);
  process.exitCode = 1;
} finally {
  await children.stop();
}
