import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { EMPTY_JOURNAL, JournalStore } from '../../../src/system/journal.ts';
import { Machine, sysctlPath } from '../../../src/system/machine.ts';
import { withSystemLock } from '../../../src/system/system-lock.ts';
import { runSteps } from '../../../src/system/transaction.ts';
import { enterNamespace } from '../../fixtures/netns.ts';
import { everything, removeRoot, scratchRoot, tunerOf } from '../../fixtures/scratch-machine.ts';

const skip = enterNamespace(import.meta.url) ?? false;

/** Every setting of `net` in this namespace that can be read, but for what counts. */
function kernel(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync('/proc/sys/net', { recursive: true }) as string[]) {
    if (name.endsWith('nf_conntrack_count')) continue;
    try {
      found[name] = readFileSync(`/proc/sys/net/${name}`, 'utf8');
    } catch {
      // A folder, or one that is only written.
    }
  }
  return found;
}

t.test('the kernel takes every value, and gets every one back', { skip }, async (t) => {
  const root = scratchRoot({ hasLiveNet: true });
  t.teardown(() => removeRoot(root));
  // Stands for itself: of both, the kernel's own files are written.
  for (const [key, value] of [
    ['net.ipv4.tcp_timestamps', '0'],
    ['net.ipv4.ip_local_port_range', '1024 65535'],
    ['net.ipv4.conf.all.rp_filter', '1'],
  ] as const) {
    writeFileSync(sysctlPath(key), value);
  }
  const before = kernel();
  const tuner = tunerOf(new Machine(root));
  const { changed, left } = tuner.apply(everything);
  const keys = changed.map(({ name }) => name).filter((name) => name.startsWith('net.'));
  for (const key of [
    'net.ipv4.ip_local_port_range',
    'net.ipv4.ip_local_reserved_ports',
    'net.ipv4.tcp_tw_reuse',
    'net.ipv4.tcp_timestamps',
    'net.core.somaxconn',
    'net.ipv4.tcp_max_syn_backlog',
    'net.ipv4.tcp_fin_timeout',
    'net.ipv4.conf.all.arp_ignore',
    'net.ipv4.conf.all.arp_announce',
    'net.ipv4.conf.all.rp_filter',
    'net.ipv4.ip_forward',
    'net.ipv4.ip_nonlocal_bind',
  ]) {
    t.ok(keys.includes(key), key);
  }
  t.strictNotSame(kernel(), before);
  for (const { id, by, severity } of tuner.inspect(everything).findings) {
    if (keys.includes(id)) t.strictSame([severity, by], ['pass', undefined], id);
  }
  // What belongs to the whole machine is not here, or cannot be written, and is said to be the host's.
  for (const { id, reason } of left) if (id.startsWith('net.')) t.equal(reason, 'host', id);
  tuner.undo();
  t.strictSame(kernel(), before);
});

t.test('what the kernel refuses undoes the rest', { skip }, async (t) => {
  const root = scratchRoot({ hasLiveNet: true });
  t.teardown(() => removeRoot(root));
  const machine = new Machine(root);
  const before = kernel();
  const range = 'net.ipv4.ip_local_port_range';
  withSystemLock(machine, () => {
    const steps = [
      { item: { kind: 'sysctl', key: 'net.core.somaxconn' } as const, from: '4096', to: '8192' },
      { item: { kind: 'sysctl', key: range } as const, from: machine.sysctl(range)!, to: '60000 50000' },
    ];
    t.throws(() => runSteps(machine, new JournalStore(machine), EMPTY_JOURNAL, steps, { version: 1, entries: [] }), {
      code: 'SYSTEM_REFUSED',
      message: /refused net\.ipv4\.ip_local_port_range = 60000 50000 \(EINVAL\)/,
    });
  });
  t.strictSame(kernel(), before);
});

const MAIN = fileURLToPath(new URL('../../../src/main.js', import.meta.url));

t.test('a disk that is full', { skip }, async (t) => {
  for (const folder of ['/var/lib/portico-system', '/etc/sysctl.d', '/etc/security/limits.d']) {
    const root = scratchRoot();
    t.teardown(() => removeRoot(root));
    // A page for the file system itself, none for a file. What is mounted is so in there alone.
    const script = `mkdir -p ${root}${folder} && mount -t tmpfs -o size=4k none ${root}${folder} && head -c 4096 /dev/zero > ${root}${folder}/full; "$0" "$1" apply --root ${root} --yes; s=$?; rm ${root}${folder}/full; echo left:; ls -A ${root}${folder}; exit $s`;
    const before = readFileSync(`${root}/proc/sys/net/core/somaxconn`, 'utf8');
    const done = spawnSync('unshare', ['-m', 'sh', '-c', script, process.execPath, MAIN], { encoding: 'utf8' });
    t.equal(done.status, 1, done.stderr);
    t.match(done.stderr, /^portico: .*\(ENOSPC\); (nothing was changed|everything is as it was before)\.\n$/);
    t.equal(readFileSync(`${root}/proc/sys/net/core/somaxconn`, 'utf8'), before);
    t.match(done.stdout, /\nleft:\n$/, 'nothing is left there');
    t.notMatch(done.stdout, /Done/);
  }
});

t.test('a kernel that may only be read', { skip }, async (t) => {
  const root = scratchRoot({ hasLiveNet: true });
  t.teardown(() => removeRoot(root));
  const script = `mount --bind -o ro /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && "$0" "$1" apply --root ${root} --yes --json`;
  const done = spawnSync('unshare', ['-m', 'sh', '-c', script, process.execPath, MAIN], { encoding: 'utf8' });
  t.equal(done.status, 0, done.stderr);
  const { changed, left } = JSON.parse(done.stdout) as {
    changed: { name: string }[];
    left: { id: string; reason: string; commands: string[] }[];
  };
  t.match(
    left.find(({ id }) => id === 'net.ipv4.tcp_tw_reuse'),
    { reason: 'host', commands: [/^sysctl -w net\.ipv4\.tcp_tw_reuse='1'$/] },
  );
  const names = changed.map(({ name }) => name);
  t.ok(
    names.includes('fs.file-max') && names.includes('/etc/security/limits.d/90-portico.conf'),
    'the rest is changed',
  );
  t.notMatch(readFileSync(`${root}/etc/sysctl.d/90-portico.conf`, 'utf8'), /^net\./m);
});
