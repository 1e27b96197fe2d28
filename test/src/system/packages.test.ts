import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { removeRoot, scratchRoot } from '../../fixtures/scratch-machine.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.js', import.meta.url));
/** Keeps what is installed in a file. */
const APT = `case "$1" in
install) printf 'haproxy\\nliblua5.3-0\\n' >> "$DB"; printf '#!/bin/sh\\necho HAProxy version 2.6.12-1\\n' > "$BIN/haproxy"; chmod 755 "$BIN/haproxy";;
purge) shift 2; for name; do sed -i "/^$name\\$/d" "$DB"; done; rm -f "$BIN/haproxy";;
esac
echo "apt-get $*" >> "$BIN/log"`;

t.test('setup installs HAProxy by the package manager, and undo removes that and nothing else', (t) => {
  const root = scratchRoot({});
  const bin = mkdtempSync(join(tmpdir(), 'portico-bin-'));
  t.teardown(() => {
    removeRoot(root);
    rmSync(bin, { recursive: true });
  });
  const script = (name: string, body: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  const database = join(bin, 'database');
  writeFileSync(database, 'coreutils\n');
  script('apt-get', APT);
  script('dpkg-query', 'cat "$DB"');
  for (const name of ['cat', 'sed', 'rm', 'chmod', 'sh', 'flock']) symlinkSync(`/usr/bin/${name}`, join(bin, name));
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [MAIN, ...args, '--root', root], {
      encoding: 'utf8',
      cwd: bin,
      env: { PATH: bin, DB: database, BIN: bin },
    });
  const flags = [
    '--engine',
    'haproxy',
    '--for',
    '1000',
    '--servers',
    '127.0.0.1:9001',
    '--output',
    '/etc/portico.yaml',
  ];

  const dry = run('setup', '--dry-run', ...flags);
  t.equal(dry.status, 0, dry.stderr);
  t.match(dry.stdout, 'HAProxy is not installed. To install it: apt-get install --yes haproxy');
  t.notOk(existsSync(join(bin, 'log')), 'nothing was run');

  const done = run('setup', '--yes', ...flags);
  t.equal(done.status, 0, done.stderr);
  t.match(done.stdout, 'Installed: haproxy, liblua5.3-0; portico undo removes it.');
  t.match(readFileSync(join(root, 'etc/portico.yaml'), 'utf8'), /engine: haproxy/);
  writeFileSync(database, `${readFileSync(database, 'utf8')}vim\n`);

  t.match(run('undo', '--dry-run').stdout, 'apt-get purge --yes haproxy liblua5.3-0');
  const undone = run('undo', '--yes');
  t.equal(undone.status, 0, undone.stderr);
  t.equal(readFileSync(database, 'utf8'), 'coreutils\nvim\n');
  t.notMatch(run('undo', '--yes').stdout, /purge/, 'once');

  script('haproxy', 'echo "HAProxy version 2.8.3-1 2023/09/07"');
  const there = run('setup', '--yes', ...flags.slice(0, -1), '/etc/other.yaml');
  t.match(there.stdout, 'HAProxy 2.8.3-1 is installed');
  t.notMatch(run('undo', '--dry-run').stdout, /purge/, 'one that was there stays');
  t.end();
});
