import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { Machine } from '../../../src/system/machine.ts';
import { wantHaproxy } from '../../../src/system/setup/want-haproxy.ts';

/** A machine with these programs; what setup says of HAProxy there. */
async function said(programs: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'portico-root-'));
  try {
    for (const [path, body] of Object.entries(programs)) {
      const file = join(root, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `#!/bin/sh\n${body}\n`);
      chmodSync(file, 0o755);
    }
    mkdirSync(join(root, 'var'));
    const lines: string[] = [];
    const PATH = join(root, 'bin');
    await wantHaproxy({
      machine: new Machine(root),
      env: { PATH, ...env },
      isDryRun: false,
      askYesNo: undefined,
      print: (line) => lines.push(line),
    });
    return lines.join('\n').replaceAll(root, '');
  } finally {
    rmSync(root, { recursive: true });
  }
}

const version = (text: string): string => `echo "HAProxy version ${text} 2026/01/01"`;
const APT = { 'bin/apt-get': 'exit 0', 'bin/dpkg-query': 'echo haproxy' };

t.test('what setup says of the HAProxy that there is', async (t) => {
  t.equal(await said({ 'bin/haproxy': version('2.8.3-1') }), 'HAProxy 2.8.3-1 is installed (/bin/haproxy).');
  t.equal(
    await said({ 'usr/sbin/haproxy': version('3.0.5') }),
    'HAProxy 3.0.5 is installed (/usr/sbin/haproxy).',
    'as a user whose PATH lacks it',
  );
  t.match(
    await said({ 'bin/haproxy': version('2.2.9-2') }),
    /HAProxy 2\.2 \(\/bin\/haproxy\) is too old, 2\.6 or newer is needed: install it from .*, or name another one by PORTICO_HAPROXY\.$/,
  );
  t.match(await said({ 'bin/haproxy': 'exit 1' }), /^\/bin\/haproxy does not say which version/);
  t.match(
    await said({ 'bin/haproxy': version('2.8.3') }, { PORTICO_HAPROXY: '/nowhere/haproxy' }),
    /there is no \/nowhere\/haproxy/,
    'another one is named',
  );
});

t.test('a package that is there without its program', async (t) => {
  const text = await said(APT);
  t.match(text, 'The package haproxy is installed, but there is no program of that name in PATH or /usr/sbin');
  t.notMatch(text, 'Installed:');
});

t.test('a package manager that fails, and one whose HAProxy is too old', async (t) => {
  t.match(await said({ ...APT, 'bin/apt-get': 'exit 100' }), '"apt-get install --yes haproxy" failed; run it by hand.');
  const text = await said({
    'bin/apt-get': `file="\${0%apt-get}haproxy"; printf '#!/bin/sh\\n%s\\n' '${version('2.4.22')}' > "$file"; /bin/chmod 755 "$file"`,
    'bin/dpkg-query': `[ ! -e "\${0%dpkg-query}haproxy" ] || echo haproxy`,
  });
  t.match(text, /Installed: haproxy; portico undo removes it\.\nHAProxy 2\.4 \(.*\) is too old/);
});
