import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { loadConfig } from '../../../config/load.ts';
import { readPortSettings } from '../../../lb/kernel/port-settings.ts';
import { parseSysctlConf, readBootValue } from '../../../src/system/boot-values.ts';
import { forecastCapacity } from '../../../src/system/capacity.ts';
import { CATALOG } from '../../../src/system/catalog.ts';
import { readCgroup } from '../../../src/system/cgroup.ts';
import { findContainer } from '../../../src/system/container.ts';
import { type Demand, demandOf, plainDemand } from '../../../src/system/demand.ts';
import { readFacts, readNofile } from '../../../src/system/facts.ts';
import { readLimit, readServiceLimit } from '../../../src/system/limit-files.ts';
import { Machine } from '../../../src/system/machine.ts';
import { planesFor, sourcesFor } from '../../../src/system/needs.ts';
import { settingsTable } from '../../../src/system/settings-page.ts';
import { removeRoot, scratchRoot } from '../../fixtures/scratch-machine.ts';

function machineWith(t: Test, files: Readonly<Record<string, string>>): Machine {
  const root = scratchRoot({ files });
  t.teardown(() => removeRoot(root));
  return new Machine(root);
}

t.test('files of sysctl.d', async (t) => {
  t.strictSame(
    [...parseSysctlConf('# a = 1\n;b = 2\nnet.a=1\n -net/b/c =  2 3 \nnet.a = 4\nnonsense\n')],
    [
      ['net.a', '4'],
      ['net.b.c', '2 3'],
    ],
  );
  const machine = machineWith(t, {
    '/usr/lib/sysctl.d/50-x.conf': 'net.a = 1\nnet.b = 1\n',
    '/etc/sysctl.d/50-x.conf': 'net.a = 2\n',
    '/etc/sysctl.d/90-portico.conf': 'net.c = 5\n',
    '/etc/sysctl.d/20-c.conf': 'net.c = 1\n',
    '/run/sysctl.d/95-late.conf': 'net.d = 7\n',
  });
  t.strictSame(readBootValue(machine, 'net.a'), { value: '2', file: '/etc/sysctl.d/50-x.conf', isLast: false });
  t.equal(readBootValue(machine, 'net.b'), undefined, 'hidden by the file of the same name');
  t.equal(readBootValue(machine, 'net.c'), undefined, 'Portico has the last word');
  t.match(readBootValue(machine, 'net.d'), { value: '7', isLast: true });
});

t.test('limits of logins and of the service', async (t) => {
  const machine = machineWith(t, {
    '/etc/security/limits.conf': '*  hard  nofile  1000 # first\n* soft nofile 5\njoe hard nofile 7\n',
    '/etc/security/limits.d/10.conf': '* - nofile unlimited\n',
    '/etc/security/limits.d/20.conf': '*\thard\tnofile\t2000\n',
    '/lib/systemd/system/portico.service': '[Service]\nLimitNOFILE=1\n',
    '/etc/systemd/system/portico.service.d/10.conf': '[Service]\nLimitNOFILE=1024:4096\n',
    '/run/systemd/system/portico.service.d/10.conf': '[Service]\nLimitNOFILE=9\n',
  });
  t.equal(readLimit(machine, 'nofile'), 2000);
  t.equal(readLimit(machine, 'nproc'), undefined);
  t.equal(readServiceLimit(machine, 'LimitNOFILE'), 4096);
  t.equal(readServiceLimit(machine, 'TasksMax'), undefined);
  t.strictSame(readNofile('Max open files            1024                 unlimited            files\n'), {
    soft: 1024,
    hard: Number.POSITIVE_INFINITY,
  });
  t.equal(readNofile(''), undefined);
});

t.test('control groups of both versions', async (t) => {
  const two = machineWith(t, {
    '/proc/self/cgroup': '0::/system.slice/portico.service\n',
    '/sys/fs/cgroup/system.slice/memory.max': '1000\n',
    '/sys/fs/cgroup/system.slice/memory.current': '900\n',
    '/sys/fs/cgroup/system.slice/portico.service/memory.max': '500\n',
    '/sys/fs/cgroup/system.slice/portico.service/memory.current': '50\n',
    '/sys/fs/cgroup/system.slice/portico.service/pids.max': 'max\n',
  });
  t.strictSame(readCgroup(two), { memory: { max: 1000, used: 900 }, pids: undefined }, 'the one with least left');
  const one = machineWith(t, {
    '/proc/self/cgroup': '7:cpu,cpuacct:/a\n5:memory:/a\n3:pids:/a/b\n0::/x\n',
    '/sys/fs/cgroup/memory/a/memory.limit_in_bytes': '9223372036854771712\n',
    '/sys/fs/cgroup/pids/a/b/pids.max': '100\n',
    '/sys/fs/cgroup/pids/a/b/pids.current': '20\n',
  });
  t.strictSame(readCgroup(one), { memory: undefined, pids: { max: 100, used: 20 } });
  t.strictSame(readCgroup(machineWith(t, {})), { memory: undefined, pids: undefined });
});

t.test('containers', async (t) => {
  for (const [files, name] of [
    [{}, undefined],
    [{ '/run/systemd/container': 'lxc\n' }, 'lxc'],
    [{ '/.dockerenv': '' }, 'docker'],
    [{ '/run/.containerenv': '' }, 'podman'],
    [{ '/proc/1/environ': 'PATH=/\0container=systemd-nspawn\0' }, 'systemd-nspawn'],
    [{ '/proc/1/cgroup': '0::/kubepods/besteffort\n' }, 'kubernetes'],
  ] as const) {
    t.equal(findContainer(machineWith(t, files as Record<string, string>)), name);
  }
});

t.test('planes and sources for a target', async (t) => {
  t.equal(planesFor(plainDemand(200_000), 20_000), 22);
  t.equal(planesFor(plainDemand(1_000_000), 1_024_000), 2);
  t.equal(planesFor(plainDemand(1), 10), Number.POSITIVE_INFINITY);
  t.equal(planesFor(plainDemand(1_000_000, { engines: new Set(['kernel']) }), 1024), 1, 'no descriptor for each');
  t.equal(sourcesFor({ connections: 200_000, destinations: 1 }), 4);
  t.equal(sourcesFor({ connections: 64_512, destinations: 1 }), 1);
  t.equal(sourcesFor({ connections: 64_513, destinations: 2 }), 1);
});

t.test('what stops first', async (t) => {
  const machine = machineWith(t, {});
  const facts = readFacts(machine, 2);
  const order = (demand: Demand, planes: number, used = 0) =>
    forecastCapacity({ machine, facts, demand, planes }, used).map(({ id, connections }) => [id, connections]);
  t.strictSame(order(plainDemand(1), 2), [
    ['conntrack', (65_536 - 12) / 2],
    ['files', (100_000 - 1024) / 2],
    ['watches', 100_000],
    ['memory', Math.floor((3_145_728 * 1024) / 12_288)],
    ['descriptors', 2 * ((524_288 - 32 - 1024) / 2)],
  ]);
  t.strictSame(order(plainDemand(1, { engines: new Set(['kernel']) }), 2, 1000), [
    ['conntrack', 65_524 + 1000],
    ['memory', 1000 + (3_145_728 * 1024) / 512],
  ]);
});

t.test('ports that a config makes possible', async (t) => {
  const demandFor = (yaml: string): Demand => {
    const loaded = loadConfig(yaml, { file: 'x', directory: '/', cpuCount: 4 });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
    return demandOf(
      loaded.config,
      1000,
      readPortSettings(() => ''),
    );
  };
  const demand = demandFor(`planes: 3
sources:
  - { name: near, addresses: [127.0.1.1-127.0.1.2], ports: 1024-2047 }
  - { name: far, addresses: [192.0.2.1], ports: 30000-33023 }
listeners: [{ name: a, bind: ":80", routes: [{ path: /x, backend: x }, { path: /y, backend: y }, { backend: z }] }]
backends:
  - { name: x, source: near, servers: [{ address: "127.0.0.1:1" }, { address: "127.0.0.1:2" }] }
  - { name: y, source: near, health: {}, connections_per_server: 10, servers: [{ address: "127.0.0.1:2" }] }
  - { name: z, source: far, workers: { module: builtin:echo, count: 2 } }
`);
  t.match(demand, { planes: 3, sources: 3, destinations: 5, workers: 2, sharesAddresses: true, listenerPorts: [80] });
  // 2,048 to each of two servers, one of them under two names; 30,000 to 32,767, which the kernel does not choose from, to two workers.
  t.strictSame(demand.ports, {
    connections: 2 * 2048 + 2 * 2768,
    leastToOne: 2032,
    perServer: 3 * (2 * 256 + 10 + 2 * 256),
    stalled: 3 * (2 * 4096 + 2 * 4096),
  });
});

t.test('docs/system.md has them all', async (t) => {
  const page = readFileSync(fileURLToPath(new URL('../../../../docs/system.md', import.meta.url)), 'utf8');
  // The formatter aligns tables.
  const rows = page.replace(/ +/g, ' ').split('\n');
  const [head, , ...settings] = settingsTable(CATALOG).split('\n');
  t.strictSame(rows.slice(rows.indexOf(head!) + 2, -1), settings, 'the table is as the catalogue says');
  t.equal(new Set(CATALOG.map(({ id }) => id)).size, CATALOG.length, 'no id twice');
});
