import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

/** What the figures were made with. */
export const versions = (): Record<string, string> => ({
  Portico: (JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string })
    .version,
  Node: process.versions.node,
  HAProxy: firstLine('haproxy', ['-v']),
  nginx: firstLine('nginx', ['-v']),
  wrk: firstLine('wrk', ['-v']),
  kernel: os.release(),
  CPU: `${os.availableParallelism()} × ${os.cpus()[0]?.model ?? 'unknown'}`,
  memory: `${(os.totalmem() / (1 << 30)).toFixed(1)} GiB`,
});

/** Some print their version to standard error, some with a failure. */
function firstLine(command: string, args: readonly string[]): string {
  const text = execFileSync('sh', ['-c', `${[command, ...args].join(' ')} 2>&1 || true`], { encoding: 'utf8' });
  return text.split('\n')[0]!;
}
