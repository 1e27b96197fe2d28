import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { removeRoot, type ScratchOptions, scratchRoot, snapshot } from '../../fixtures/scratch-machine.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.js', import.meta.url));

interface Report {
  readonly planes: number;
  readonly can_apply: boolean;
  readonly findings: {
    id: string;
    severity: string;
    detail: string | null;
    changed_by: string | null;
    commands: string[];
  }[];
  readonly capacity: { id: string; connections: number }[];
}

function rootFor(t: Test, options?: ScratchOptions): string {
  const root = scratchRoot(options);
  t.teardown(() => removeRoot(root));
  return root;
}

/** In the scratch folder, where there is no portico.yaml. */
const portico = (root: string, ...args: string[]) =>
  spawnSync(process.execPath, [MAIN, ...args, '--root', root], {
    encoding: 'utf8',
    cwd: root,
    env: { PATH: process.env.PATH, LANG: 'C.UTF-8' },
  });

const check = (root: string, ...args: string[]): Report =>
  JSON.parse(portico(root, 'check', '--json', ...args).stdout) as Report;
const find = (report: Report, id: string) => report.findings.find((finding) => finding.id === id);

t.test('from a stock machine to all pass by one command', async (t) => {
  const root = rootFor(t);
  const before = snapshot(root);
  t.equal(portico(root, 'check').status, 1);
  const { status, stdout } = portico(root, 'apply', '--yes');
  t.equal(status, 0);
  t.match(stdout, /Done: \d+ changes\. `portico undo` puts everything back as it was\./);
  const after = portico(root, 'check');
  t.equal(after.status, 0, after.stdout);
  t.match(after.stdout, /\d+ pass, 0 warn, 0 fail\./);
  t.equal(portico(root, 'undo', '--yes').status, 0);
  t.strictSame(snapshot(root), before);
  t.match(portico(root, 'undo', '--yes').stdout, /nothing to put back/);
});

t.test('tables fit into 80 columns, without colour where nobody looks', async (t) => {
  const root = rootFor(t);
  for (const args of [['check'], ['check', '--for', '1m'], ['apply', '--dry-run'], ['check', '--ascii']]) {
    const { stdout } = portico(root, ...args);
    for (const line of stdout.split('\n')) t.ok([...line].length <= 80, line);
    t.notOk(stdout.includes('\u001b'));
    t.equal(/[^\n -~]/.test(stdout), args[0] === 'check' && !args.includes('--ascii'), args.join(' '));
  }
});

t.test('a hard limit that is fixed is planned around', async (t) => {
  // All but CAP_SYS_RESOURCE.
  const root = rootFor(t, { nofile: 20_000, capabilities: '000001fffeffffff' });
  const report = check(root);
  t.equal(report.planes, 22);
  t.match(find(report, 'nofile.process'), {
    severity: 'warn',
    detail: /at least 22 planes; write "planes: 25"/,
    changed_by: 'person',
  });
  for (const id of ['nofile.shell', 'nofile.service'])
    t.match(find(report, id), { severity: 'warn', changed_by: 'host' });
  const { status, stdout } = portico(root, 'apply', '--yes');
  t.equal(status, 0);
  t.match(stdout, /nofile\.shell cannot be changed from in here/);
  t.notOk(
    readdirSync(join(root, 'etc/security')).includes('limits.d'),
    'a limit that makes logins fail is not written',
  );
  t.equal(find(check(root), 'net.ipv4.tcp_tw_reuse')?.severity, 'pass', 'the rest is done');
  const config = join(root, 'own.yaml');
  const yaml = (planes: number): string =>
    `planes: ${planes}\nlisteners: [{ name: web, bind: "0.0.0.0:8080", backend: app }]\nbackends: [{ name: app, connections_per_server: 65535, servers: [{ address: "127.0.0.1:9" }] }]\n`;
  writeFileSync(config, yaml(20));
  t.match(find(check(root, '-c', config), 'nofile.process'), { severity: 'fail', detail: /at least 22 planes/ });
  writeFileSync(config, yaml(22));
  t.match(find(check(root, '-c', config), 'nofile.process'), { severity: 'pass' });
});

t.test('without systemd and without a kernel that says anything', async (t) => {
  const root = rootFor(t, { isSystemd: false });
  t.match(find(check(root), 'nofile.service'), { severity: 'skip' });
  t.equal(portico(root, 'apply', '--yes').status, 0);
  t.strictSame(readdirSync(join(root, 'etc/systemd/system')), ['other.service']);
  t.equal(spawnSync(process.execPath, [MAIN, 'check', '--root', '/no/such/machine']).status, 2);
});

t.test('in a container', async (t) => {
  const root = rootFor(t, { files: { '/.dockerenv': '' } });
  t.match(find(check(root), 'container'), { severity: 'pass' });
  t.match(portico(root, 'check').stdout, /container +docker/);
});

t.test('a file that is read after Portico’s own has the last word', async (t) => {
  const root = rootFor(t, {
    files: {
      '/etc/sysctl.d/10-early.conf': 'net.ipv4.tcp_tw_reuse = 0\n',
      '/etc/sysctl.d/99-late.conf': '-net/core/somaxconn=128\n',
    },
  });
  portico(root, 'apply', '--yes');
  const report = check(root);
  t.match(find(report, 'net.ipv4.tcp_tw_reuse'), { severity: 'pass' });
  t.match(find(report, 'net.core.somaxconn'), {
    severity: 'warn',
    changed_by: 'person',
    detail: '/etc/sysctl.d/99-late.conf sets it to 128 at every start of the machine',
  });
});

t.test('not root', { skip: process.geteuid?.() === 0 ? false : 'only root can become somebody else' }, async (t) => {
  const root = rootFor(t);
  const asNobody = (...args: string[]) =>
    // Without what the test runner has its children load, which somebody else may not write.
    spawnSync(
      'env',
      [
        '-u',
        'NODE_OPTIONS',
        'setpriv',
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        process.execPath,
        MAIN,
        ...args,
        '--root',
        root,
      ],
      { encoding: 'utf8', cwd: '/' },
    );
  chmodSync(root, 0o755);
  const before = snapshot(root);
  const looked = asNobody('check', '--json');
  t.equal(looked.status, 1, looked.stderr);
  const report = JSON.parse(looked.stdout) as Report;
  t.equal(report.can_apply, false);
  t.match(find(report, 'net.ipv4.tcp_tw_reuse'), { changed_by: 'root' });
  t.equal(asNobody('apply', '--dry-run').status, 0, 'looking is free');
  const applied = asNobody('apply', '--yes');
  t.equal(applied.status, 1);
  t.match(applied.stderr, /takes root; nothing was changed\.\n[\s\S]*sysctl -w net\.ipv4\.tcp_tw_reuse='1'\n/);
  t.strictSame(snapshot(root), before);
  portico(root, 'apply', '--yes');
  const done = snapshot(root);
  const undone = asNobody('undo', '--yes');
  t.equal(undone.status, 1);
  t.match(undone.stderr, /run as root/);
  t.strictSame(snapshot(root), done);
});

t.test('wrong usage', async (t) => {
  const root = rootFor(t);
  const before = snapshot(root);
  for (const [args, message] of [
    [['check', '--for', '0'], /--for takes a number of connections such as 200000, 200k or 1m, not "0"/],
    [['check', '--for', '1e6'], /not "1e6"/],
    [['apply'], /say --yes, or --dry-run/],
    [['undo', 'everything'], /undo takes no "everything"/],
  ] as const) {
    const { status, stderr } = portico(root, ...args);
    if (args[0] === 'apply') t.match(stderr, message);
    t.equal(status, 2, args.join(' '));
    t.match(stderr, message);
  }
  const unknown = portico(root, 'apply', '--yes', '--only', 'net.core.somaxcon');
  t.equal(unknown.status, 1);
  t.match(unknown.stderr, /there is no setting "net\.core\.somaxcon"/);
  t.match(portico(root, 'check', '-c', 'nowhere.yaml'), { status: 1, stderr: /nowhere\.yaml: there is no such file/ });
  t.strictSame(snapshot(root), before);
});
