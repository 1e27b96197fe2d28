import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CATALOG } from '../../../src/system/catalog.ts';
import { plainDemand } from '../../../src/system/demand.ts';
import { Machine, normalise, sysctlPath } from '../../../src/system/machine.ts';
import { SystemError } from '../../../src/system/system-error.ts';
import {
  everything,
  FEW,
  removeRoot,
  scratchRoot,
  snapshot,
  tunerOf,
  WatchedMachine,
} from '../../fixtures/scratch-machine.ts';

const SYSCTL_FILE = '/etc/sysctl.d/90-portico.conf';

function rootFor(t: Test, options?: Parameters<typeof scratchRoot>[0]): string {
  const root = scratchRoot(options);
  t.teardown(() => removeRoot(root));
  return root;
}

const set = (root: string, key: string, value: string): void =>
  writeFileSync(join(root, sysctlPath(key)), `${value}\n`);
const get = (root: string, key: string): string => normalise(readFileSync(join(root, sysctlPath(key)), 'utf8'));

t.test('every setting that can be changed is changed, is right then, and is taken back', async (t) => {
  const root = rootFor(t);
  const tuner = tunerOf(new Machine(root));
  const before = snapshot(root);
  const first = tuner.inspect(everything);
  const wrong = first.findings.filter(({ by }) => by === 'portico');
  const changeable = CATALOG.filter(({ id }) => /^(net|fs)\.|^nofile\.(shell|service)/.test(id)).map(({ id }) => id);
  const right = ['fs.nr_open', 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];
  t.strictSame(
    wrong.map(({ id }) => id),
    changeable.filter((id) => first.findings.find((each) => each.id === id)?.severity !== 'pass'),
    'a stock machine is wrong in all of them but those that suit every demand',
  );
  t.ok(wrong.length >= changeable.length - right.length, `${wrong.length} of ${changeable.length}`);
  for (const { id, why, ifLeft, risk, formula, wanted, commands, takeBack } of wrong) {
    for (const text of [why, ifLeft, risk, formula, wanted]) t.not(text, '', id);
    t.ok(commands.length > 0 && takeBack.length > 0, id);
  }
  tuner.apply(everything);
  const after = tuner.inspect(everything);
  t.strictSame(
    after.findings.filter(({ by }) => by === 'portico').map(({ id }) => id),
    [],
  );
  for (const { id } of wrong) {
    t.match(
      after.findings.find((each) => each.id === id),
      { severity: 'pass', isOurs: true },
      id,
    );
  }
  t.equal(after.journal, 'applied');
  for (const [path, text] of Object.entries(before)) {
    if (!path.includes('/proc/sys/')) t.equal(snapshot(root)[path], text, `${path} is somebody else’s`);
  }
  t.match(readFileSync(join(root, SYSCTL_FILE), 'utf8'), /^net\.ipv4\.tcp_tw_reuse = 1$/m);
  t.equal(
    readFileSync(join(root, '/etc/systemd/system/portico.service.d/90-limits.conf'), 'utf8')
      .split('\n')
      .slice(1)
      .join('\n'),
    '[Service]\nLimitNOFILE=1024000\n',
  );
  t.strictSame(tuner.apply(everything).changed, [], 'a second time there is nothing to do');
  tuner.undo();
  t.strictSame(snapshot(root), before, 'byte for byte');
  t.strictSame(tuner.undo().changed, [], 'a second time there is nothing to put back');
  t.strictSame(snapshot(root), before);
});

t.test('several applies, and undo goes back to the start', async (t) => {
  const root = rootFor(t);
  const tuner = tunerOf(new Machine(root));
  const before = snapshot(root);
  tuner.apply(plainDemand(50_000), { only: ['net.core.somaxconn'] });
  t.equal(get(root, 'net.core.somaxconn'), '8192');
  tuner.apply(plainDemand(500_000), { only: ['net.core.somaxconn', 'fs.file-max'] });
  t.equal(get(root, 'net.core.somaxconn'), '65535');
  t.match(readFileSync(join(root, SYSCTL_FILE), 'utf8'), /somaxconn = 65535\nfs\.file-max = 1315536\n/);
  t.equal(get(root, 'net.ipv4.tcp_tw_reuse'), '2', 'not chosen');
  const half = tuner.undo({ only: ['net.core.somaxconn'] });
  t.equal(half.changed.length, 2);
  t.equal(get(root, 'net.core.somaxconn'), '4096');
  t.equal(get(root, 'fs.file-max'), '1315536');
  t.notMatch(readFileSync(join(root, SYSCTL_FILE), 'utf8'), /somaxconn/);
  tuner.undo({ only: ['fs.file-max'] });
  t.strictSame(snapshot(root), before, 'the last one taken back leaves nothing');
});

t.test('a dry run changes nothing', async (t) => {
  const root = rootFor(t);
  const tuner = tunerOf(new Machine(root));
  const before = snapshot(root);
  const plan = tuner.apply(everything, { isDryRun: true });
  t.strictSame(snapshot(root), before);
  t.strictSame(tuner.apply(everything).changed, plan.changed, 'it says what is done then');
  const applied = snapshot(root);
  const back = tuner.undo({ isDryRun: true });
  t.strictSame(snapshot(root), applied);
  t.strictSame(tuner.undo().changed, back.changed);
});

t.test('what somebody else changed since is said, and left alone', async (t) => {
  const root = rootFor(t);
  const tuner = tunerOf(new Machine(root));
  tuner.apply(everything);
  set(root, 'net.ipv4.tcp_fin_timeout', '45');
  const again = tuner.apply(everything);
  t.match(again.left, [{ id: 'net.ipv4.tcp_fin_timeout', reason: 'foreign' }]);
  t.equal(get(root, 'net.ipv4.tcp_fin_timeout'), '45');
  writeFileSync(join(root, '/etc/security/limits.d/90-portico.conf'), 'joe hard nofile 5\n');
  const undone = tuner.undo();
  t.strictSame(
    undone.left.map(({ id, reason }) => [id, reason]),
    [
      ['net.ipv4.tcp_fin_timeout', 'foreign'],
      ['/etc/security/limits.d/90-portico.conf', 'foreign'],
    ],
  );
  t.equal(get(root, 'net.ipv4.tcp_fin_timeout'), '45');
  t.equal(readFileSync(join(root, '/etc/security/limits.d/90-portico.conf'), 'utf8'), 'joe hard nofile 5\n');
  t.equal(get(root, 'net.core.somaxconn'), '4096', 'the rest is back');
  t.strictSame(tuner.undo().left, [], 'it is theirs from then on');
});

t.test('a setting that a restart has reset is set again', async (t) => {
  const root = rootFor(t);
  const tuner = tunerOf(new Machine(root));
  const before = snapshot(root);
  tuner.apply(everything);
  set(root, 'net.ipv4.tcp_tw_reuse', '2');
  t.match(tuner.apply(everything), { left: [], changed: [{ name: 'net.ipv4.tcp_tw_reuse', from: '2', to: '1' }] });
  tuner.undo();
  t.strictSame(snapshot(root), before);
});

/** The code of the error; the machine is as before. */
function refused(t: Test, root: string, run: () => unknown, code: string, message: RegExp): void {
  const before = snapshot(root);
  t.throws(run, { code, message });
  t.strictSame(snapshot(root), before, `unchanged after ${code}`);
}

t.test('files of others with the same name', async (t) => {
  for (const path of [
    SYSCTL_FILE,
    '/etc/security/limits.d/90-portico.conf',
    '/etc/systemd/system/portico.service.d/90-limits.conf',
  ]) {
    const root = rootFor(t);
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), '# mine\n');
    const tuner = tunerOf(new Machine(root));
    refused(t, root, () => tuner.apply(everything), 'SYSTEM_FOREIGN_FILE', /was not written by Portico/);
    refused(t, root, () => tuner.apply(everything, { isDryRun: true }), 'SYSTEM_FOREIGN_FILE', /move it away/);
    rmSync(join(root, path));
    tuner.apply(plainDemand(50_000));
    if (path !== SYSCTL_FILE) continue;
    writeFileSync(join(root, path), `${readFileSync(join(root, path), 'utf8')}vm.swappiness = 1\n`);
    refused(t, root, () => tuner.apply(everything), 'SYSTEM_FOREIGN_FILE', /changed by somebody else/);
  }
});

t.test('names that nobody knows', async (t) => {
  const root = rootFor(t);
  const tuner = tunerOf(new Machine(root));
  refused(
    t,
    root,
    () => tuner.apply(everything, { only: ['net.ipv4.tcp_tw_resue'] }),
    'SYSTEM_UNKNOWN_SETTING',
    /no setting "net\.ipv4\.tcp_tw_resue"/,
  );
  refused(
    t,
    root,
    () => tuner.undo({ only: ['fs.file-max'] }),
    'SYSTEM_UNKNOWN_SETTING',
    /has not changed "fs\.file-max"/,
  );
});

t.test('a kernel that refuses a value, or takes another', async (t) => {
  const root = rootFor(t);
  class Stubborn extends Machine {
    override setSysctl(key: string, value: string): void {
      if (key === 'net.netfilter.nf_conntrack_max') throw Object.assign(new Error('no'), { code: 'EINVAL' });
      super.setSysctl(key, value);
    }
  }
  refused(
    t,
    root,
    () => tunerOf(new Stubborn(root)).apply(everything),
    'SYSTEM_REFUSED',
    /refused net\.netfilter\.nf_conntrack_max = \d+ \(EINVAL\); everything is as it was before/,
  );
  class Rounding extends Machine {
    override setSysctl(key: string, value: string): void {
      super.setSysctl(key, key === 'net.ipv4.tcp_mem' && value !== '47139\t62853\t94278' ? '1 2 3' : value);
    }
  }
  const machine = new Rounding(root);
  t.throws(() => tunerOf(machine).apply(everything), {
    code: 'SYSTEM_REFUSED',
    message: /took net\.ipv4\.tcp_mem = .* as 1 2 3/,
  });
  t.equal(get(root, 'net.ipv4.tcp_mem'), '47139 62853 94278');
  t.equal(get(root, 'net.core.somaxconn'), '4096');
});

t.test('an error at any step leaves the machine as it was', async (t) => {
  for (const what of ['apply', 'undo'] as const) {
    let steps = 1;
    for (let at = 1; at <= steps; at++) {
      const root = scratchRoot();
      if (what === 'undo') tunerOf(new Machine(root)).apply(everything, { only: FEW });
      const before = snapshot(root);
      let left = at;
      let failed = '';
      const machine = new WatchedMachine(root, (step) => {
        if (--left === 0) {
          failed = step;
          throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', path: step });
        }
      });
      const tuner = tunerOf(machine);
      try {
        if (what === 'apply') tuner.apply(everything, { only: FEW });
        else tuner.undo();
        // Removing an empty folder at the very end may fail without harm.
        if (failed !== '') t.match(failed, /^rmdir .*portico-system$/);
      } catch (error) {
        t.ok(error instanceof SystemError, `${what}, ${failed}: ${error}`);
        t.strictSame(withoutJournal(snapshot(root)), withoutJournal(before), `${what} failed at ${failed}`);
      }
      if (left <= 0) steps = at + 1;
      removeRoot(root);
    }
    t.ok(steps > 12, `${what} in ${steps} steps`);
  }
});

/** A step can fail while the journal is put back, too; then it says that something is pending, which the next one finds done. */
function withoutJournal(files: Record<string, string | null>): Record<string, string | null> {
  return Object.fromEntries(Object.entries(files).filter(([path]) => !path.includes('portico-system')));
}

t.test('a journal that is none', async (t) => {
  const journal = '/var/lib/portico-system/journal.json';
  for (const [text, why] of [
    ['{', /is not JSON/],
    ['[]', /has another form/],
    ['{"version":2,"entries":[]}', /has another form/],
    ['{"version":1,"entries":[{"item":{"kind":"sysctl"},"before":"","ours":""}]}', /has another form/],
    ['{"version":1,"entries":[],"pending":[{}]}', /has another form/],
    [
      '{"version":1,"entries":[{"item":{"kind":"file","path":"/etc/passwd"},"before":"","ours":""}]}',
      /names \/etc\/passwd/,
    ],
    [
      '{"version":1,"entries":[{"item":{"kind":"sysctl","key":"kernel.core_pattern"},"before":"","ours":""}]}',
      /names kernel\.core_pattern/,
    ],
    [
      '{"version":1,"entries":[{"item":{"kind":"sysctl","key":"net/../kernel"},"before":"","ours":""}]}',
      /never changes/,
    ],
  ] as const) {
    const root = rootFor(t, { files: { [journal]: text } });
    const tuner = tunerOf(new Machine(root));
    t.equal(tuner.inspect(everything).journal, 'unreadable');
    refused(t, root, () => tuner.undo(), 'SYSTEM_JOURNAL', why);
    refused(t, root, () => tuner.apply(everything), 'SYSTEM_JOURNAL', why);
  }
});
