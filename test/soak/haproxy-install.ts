// npm run soak-install (as root; Debian or its kin, with a network)
// HAProxy installed by `portico setup` with the system's own package manager, run by Portico, and taken back by `portico undo`. On a copy of
// this machine: an overlay in memory over its file system, in namespaces of its own. What the machine has installed stays as it is.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MAIN } from '../bench/subjects/portico.ts';
import { PorticoProcess } from '../fixtures/portico-process.ts';

const SELF = fileURLToPath(import.meta.url);
const PORT = 9001;
const CONFIG = '/etc/portico.yaml';

/** Its output is the person's to see. Throws where it fails. */
function run(command: string, ...args: readonly string[]): void {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: exit status ${status}`);
}

function read(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr }: SpawnSyncReturns<string> = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: exit status ${status}\n${stderr}`);
  return stdout;
}

/** In a mount and a process namespace: the copy of the machine, without HAProxy, but with its packages downloaded. */
function copyMachine(place: string): number {
  run('mount', '-t', 'tmpfs', 'tmpfs', place);
  const [upper, work, root] = ['upper', 'work', 'root'].map((name) => join(place, name)) as [string, string, string];
  for (const folder of [upper, work, root]) mkdirSync(folder);
  run('mount', '-t', 'overlay', 'overlay', '-o', `lowerdir=/,upperdir=${upper},workdir=${work}`, root);
  run('mount', '-t', 'proc', 'proc', join(root, 'proc'));
  run('mount', '--rbind', '/dev', join(root, 'dev'));
  // A service that this machine runs has its files there.
  run('mount', '-t', 'tmpfs', 'tmpfs', join(root, 'run'));
  const inside = (...command: readonly string[]): void => run('chroot', root, ...command);
  inside('apt-get', 'purge', '--yes', '--autoremove', 'haproxy');
  inside('apt-get', 'update');
  inside('apt-get', 'install', '--yes', '--download-only', 'haproxy');
  // Without a network from here on: settings of the network that setup changes are this copy's alone.
  return (
    spawnSync('chroot', [root, 'unshare', '-n', process.execPath, SELF, 'inside'], { stdio: 'inherit' }).status ?? 1
  );
}

async function check(): Promise<boolean> {
  run('ip', 'link', 'set', 'lo', 'up');
  const server = http.createServer((_, response) => response.end('fine'));
  await new Promise<void>((resolve) => server.listen(PORT, '127.0.0.1', resolve));
  const checks: Record<string, boolean> = {};
  const packages = (): string => read('dpkg-query', '-W', '-f', `$\{db:Status-Abbrev} $\{Package} $\{Version}\n`);
  const portico = (...args: readonly string[]): string => read(process.execPath, MAIN, ...args);
  const setup = (...more: readonly string[]): string =>
    portico(
      'setup',
      '--engine',
      'haproxy',
      '--for',
      '1000',
      '--servers',
      `127.0.0.1:${PORT}`,
      '--output',
      CONFIG,
      ...more,
    );
  const before = packages();
  checks['it is not there'] = !existsSync('/usr/sbin/haproxy');
  checks['--dry-run shows the command and does nothing'] =
    setup('--dry-run').includes('apt-get install --yes haproxy') && packages() === before;
  const said = setup('--yes');
  process.stdout.write(
    `${said
      .split('\n')
      .filter((line) => /HAProxy|Installed/.test(line))
      .join('\n')}\n`,
  );
  checks['setup installs it'] = /Installed: .*\bhaproxy\b/.test(said) && existsSync('/usr/sbin/haproxy');
  checks['setup says its version'] = /HAProxy \d+\.\d+\S* is installed/.test(said);
  const running = new PorticoProcess(['run', '-c', CONFIG]);
  await running.until(/haproxy accepts connections/);
  checks['requests go through it'] = (await (await fetch('http://127.0.0.1:8080/')).text()) === 'fine';
  running.child.kill('SIGTERM');
  await running.ended();
  checks['undo shows the command'] = portico('undo', '--dry-run').includes('apt-get purge --yes ');
  portico('undo', '--yes');
  checks['undo takes back what came with it, and nothing else'] =
    packages() === before && !existsSync('/usr/sbin/haproxy');
  server.close();
  for (const [what, isTrue] of Object.entries(checks))
    process.stdout.write(`${isTrue ? 'ok    ' : 'NOT ok'} ${what}\n`);
  return Object.values(checks).every(Boolean);
}

const [stage, place] = process.argv.slice(2);
if (stage === 'inside') process.exitCode = (await check()) ? 0 : 1;
else if (stage === 'copy') process.exitCode = copyMachine(place!);
else {
  const folder = mkdtempSync(join(tmpdir(), 'portico-install-'));
  const namespaces = ['-mpf', '--kill-child', '--propagation', 'private'];
  const { status } = spawnSync('unshare', [...namespaces, process.execPath, SELF, 'copy', folder], {
    stdio: 'inherit',
  });
  rmSync(folder, { recursive: true });
  process.exitCode = status ?? 1;
}
