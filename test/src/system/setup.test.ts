import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { loadConfig } from '../../../config/load.ts';
import { findCandidates, parseNeighbours } from '../../../src/system/setup/candidates.ts';
import { askSetup } from '../../../src/system/setup/questions.ts';
import { unitText } from '../../../src/system/setup/unit-text.ts';
import { removeRoot, scratchRoot, snapshot } from '../../fixtures/scratch-machine.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.js', import.meta.url));

function rootFor(t: Test, nofile = 524_288): string {
  const root = scratchRoot({ nofile });
  t.teardown(() => removeRoot(root));
  return root;
}

const setup = (root: string, ...args: string[]) =>
  spawnSync(process.execPath, [MAIN, 'setup', '--root', root, ...args], {
    encoding: 'utf8',
    cwd: temporaryFolder(),
  });

const load = (text: string) => {
  const loaded = loadConfig(text, { file: 'x', directory: '/', cpuCount: 2 });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
  return loaded.config;
};

t.test('everything by flags, and back again', async (t) => {
  const root = rootFor(t, 20_000);
  const before = snapshot(root);
  const dry = setup(root, '--dry-run', '--output', '/etc/portico/portico.yaml');
  t.equal(dry.status, 0, dry.stderr);
  t.match(dry.stdout, /To write \/etc\/portico\/portico\.yaml:\n\n# Written by `portico setup` for 200000/);
  t.strictSame(snapshot(root), before);

  const servers = '127.0.0.1:9001,127.0.0.1:9002';
  const done = setup(root, '--yes', '--unit', '--for', '250k', '--listen', '0.0.0.0:443', '--servers', servers);
  t.equal(done.status, 0, done.stderr);
  const config = load(readFileSync(join(root, 'etc/portico/portico.yaml'), 'utf8'));
  // 250,000 × 2 ÷ (20,000 − 32 − 1,024 in reserve) is 27 planes, and a tenth.
  t.match(config, { planes: 30, listeners: [{ host: '0.0.0.0', port: 443 }] });
  t.equal(config.sources[0]!.addresses.length, 2, '250,000 ÷ (64,512 × 2 servers)');
  t.equal(config.backends[0]!.servers.length, 2);
  t.ok(config.backends[0]!.connectionsPerServer * 2 * 30 >= 250_000);
  const unit = readFileSync(join(root, 'etc/systemd/system/portico.service'), 'utf8');
  t.match(unit, /^ExecStart=\S+ \S+ run -c \/etc\/portico\/portico\.yaml$/m);
  t.match(unit, /^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m);
  t.match(unit, /^CapabilityBoundingSet=CAP_NET_BIND_SERVICE$/m);
  const check = spawnSync(
    process.execPath,
    [MAIN, 'check', '--root', root, '--for', '250k', '-c', join(root, 'etc/portico/portico.yaml')],
    {
      encoding: 'utf8',
    },
  );
  t.match(check.stdout, / 0 warn, 0 fail\./);
  t.equal(check.status, 0);
  const again = setup(root, '--yes', '--unit', '--for', '250k');
  t.equal(again.status, 2);
  t.match(again.stderr, /portico\.yaml is there already; give another file with --output/);
  spawnSync(process.execPath, [MAIN, 'undo', '--yes', '--root', root]);
  const after = snapshot(root);
  delete after[join(root, 'etc/portico')];
  delete after[join(root, 'etc/portico/portico.yaml')];
  t.strictSame(after, before, 'all but the config, which is the person’s');
});

t.test('a unit of somebody else', async (t) => {
  const root = rootFor(t);
  mkdirSync(join(root, 'etc/systemd/system'), { recursive: true });
  writeFileSync(join(root, 'etc/systemd/system/portico.service'), '[Unit]\n');
  const before = snapshot(root);
  const { status, stderr } = setup(root, '--yes', '--unit');
  t.equal(status, 1);
  t.match(stderr, /portico\.service is there already and was not written by Portico/);
  t.strictSame(snapshot(root), before, 'and no config is written');
});

t.test('answers that make no sense', async (t) => {
  const root = rootFor(t);
  const before = snapshot(root);
  for (const [args, message] of [
    [['--engine', 'quic'], /--engine is one of http, tcp, kernel, haproxy, not "quic"/],
    [['--listen', 'here'], /--listen: "here" is not an address and port/],
    [['--servers', '10.0.0.5'], /--servers: "10\.0\.0\.5" is not an address and port/],
    [['--sources', '10.0.0.300'], /--sources: /],
    [['--for', 'many'], /--for takes a number/],
  ] as const) {
    const { status, stderr } = setup(root, '--yes', ...args);
    t.equal(status, 2, args.join(' '));
    t.match(stderr, message);
  }
  const silent = setup(root);
  t.equal(silent.status, 2);
  t.match(silent.stderr, /setup asks questions: say --yes, or --dry-run/);
  t.strictSame(snapshot(root), before);
  t.notOk(existsSync(join(root, 'portico.yaml')));
});

t.test('questions and their first answers', async (t) => {
  const machine = {
    addresses: [{ interface: 'eth0', address: '10.0.0.5', prefixLength: 24 }],
    neighbours: new Set(['10.0.0.253']),
    cpuCount: 4,
  };
  t.match(await askSetup({}, 1_000_000, machine, undefined), {
    engine: 'http',
    servers: [],
    sources: ['127.0.1.1-127.0.1.4'],
    workers: 4,
    candidates: undefined,
  });
  t.match(await askSetup({ servers: ['127.0.0.1:1'] }, 20_000_000, machine, undefined), {
    sources: ['127.0.1.1-127.0.1.254', '127.0.2.1-127.0.2.57'],
  });
  t.match(await askSetup({ servers: ['10.0.1.1:80'] }, 200_000, machine, undefined), {
    sources: ['10.0.0.5'],
    candidates: { interface: 'eth0', addresses: '10.0.0.250-10.0.0.252' },
  });
  const asked: string[] = [];
  const answers = await askSetup({ listen: '[::]:80' }, 1000, machine, {
    text: async (message, initial, validate) => {
      asked.push(message);
      t.equal(validate(initial), undefined, initial);
      t.type(validate('nonsense:'), 'string');
      return initial;
    },
    one: async (_message, choices) => choices[2]!.value,
  });
  t.match(answers, { engine: 'kernel', listen: '[::]:80', servers: ['127.0.0.1:9001'] });
  t.match(asked, [/^Which servers/, /^From which addresses/], 'what a flag answers is not asked');
});

t.test('addresses that could be claimed', async (t) => {
  const own = [{ interface: 'eth0', address: '192.0.2.10', prefixLength: 28 }];
  const find = (count: number, ...neighbours: string[]) => findCandidates(own, new Set(neighbours), count)?.addresses;
  t.equal(find(1), '192.0.2.14');
  t.equal(find(4), '192.0.2.11-192.0.2.14');
  t.equal(find(5), '192.0.2.5-192.0.2.9', 'around its own address');
  t.equal(find(3, '192.0.2.12'), '192.0.2.7-192.0.2.9');
  t.equal(find(10), undefined);
  t.equal(find(0), undefined);
  t.equal(findCandidates([{ interface: 'p', address: '10.0.0.1', prefixLength: 31 }], new Set(), 1), undefined);
  t.equal(
    findCandidates([{ interface: 'w', address: '10.0.0.1', prefixLength: 8 }], new Set(), 2)?.addresses,
    '10.255.255.253-10.255.255.254',
  );
  t.strictSame(
    parseNeighbours('IP address  HW type\n192.0.2.1    0x1\n192.0.2.3    0x1\n'),
    new Set(['192.0.2.1', '192.0.2.3']),
  );
});

t.test('a unit that systemd understands', async (t) => {
  const command = [process.execPath, '/opt/a b/100%/main.js'];
  const text = unitText({
    command,
    config: '/etc/p.yaml',
    needsNetAdmin: true,
    needsLowPorts: true,
    nofile: 1_024_000,
    notifies: true,
  });
  t.match(text, /^Type=notify$/m);
  t.match(text, /^CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE$/m);
  t.match(text, /"\/opt\/a b\/100%%\/main\.js" run -c \/etc\/p\.yaml$/m);
  const none = unitText({
    command,
    config: '/x',
    needsNetAdmin: false,
    needsLowPorts: false,
    nofile: 1,
    notifies: false,
  });
  t.match(none, /^Type=exec$/m);
  t.match(none, /^CapabilityBoundingSet=$/m, 'the empty set, not the default');
  const file = join(temporaryFolder(), 'portico.service');
  writeFileSync(file, text.replace('/opt/a b/100%%/main.js', '/bin/true'));
  const verified = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
  if (verified.error === undefined) t.notMatch(verified.stderr, /portico\.service/, 'no complaint about it');
});
