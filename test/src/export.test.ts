import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { CertificateMaker } from '../fixtures/certificates.ts';
import { complaints } from '../fixtures/haproxy.ts';
import { enterNamespace } from '../fixtures/netns.ts';
import { PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';

const FILE = `
sources: [{ name: wide, addresses: [10.2.1.1-10.2.1.3, "fd00:2::1:1"], ports: 20000-20999 }]
listeners:
  - { name: web, bind: ":80", routes: [{ path: /api/, backend: app, mirror: { backend: app } }, { backend: app }] }
  - { name: mqtt, bind: ":1883", engine: kernel, backend: broker }
  - { name: dns, bind: "[::]:53", engine: kernel, protocol: udp, backend: resolver }
backends:
  - { name: app, pipelining: 4, health: { path: /healthz }, servers: [{ address: 10.2.0.2:80, weight: 2 }, { address: 10.2.0.3:80, weight: 4 }] }
  - { name: broker, servers: [{ address: 10.2.0.4:1883 }] }
  - { name: resolver, servers: [{ address: 10.2.0.5:53 }, { address: "[fd00:2::5]:53" }] }
`;

const isInside = enterNamespace(import.meta.url);
const has = (command: string): string | false =>
  spawnSync(command, ['-v']).status === 0 ? false : `${command} is not installed`;

async function exported(format: string, text = FILE): Promise<{ stdout: string; stderr: string; status: unknown }> {
  const portico = new PorticoProcess(['export', format, '-c', writeConfig(text)]);
  const status = await portico.ended();
  return { stdout: portico.stdout, stderr: portico.stderr, status };
}

t.test('for HAProxy: it takes it, and what is not in it is said', { skip: has('haproxy') }, async (t) => {
  const { stdout, status } = await exported('haproxy');
  t.equal(status, 0);
  t.equal(await complaints(stdout), '');
  t.match(stdout, 'listener "dns": HAProxy does not forward UDP');
  t.match(stdout, /backends\[0\]\.pipelining: HAProxy does not pipeline/);
  t.match(stdout, /listeners\[0\]\.routes\[0\]\.mirror: HAProxy sends no copies/);
  t.match(stdout, /server 10\.2\.0\.4:1883_10\.2\.1\.2_\d+ 10\.2\.0\.4:1883 source 10\.2\.1\.2:\d+-\d+/);
});

t.test('for HAProxy with TLS: the commands that are printed make the files', { skip: has('haproxy') }, async (t) => {
  const maker = new CertificateMaker();
  const one = maker.leaf({ names: ['a.example'] });
  const two = maker.leaf({ names: ['b.example'], kind: 'rsa' });
  const { stdout, status } = await exported(
    'haproxy',
    `
listeners:
  - { name: web, bind: ":443", routes: [{ backend: app }], tls: { certificates: [{ cert: ${one.cert}, key: ${one.key} }, { cert: ${two.cert}, key: ${two.key}, hosts: ["*.b.example"] }], early_data: true, client_auth: { ca: ${maker.ca} } } }
backends: [{ name: app, tls: { server_name: app, ca: ${maker.ca} }, servers: [{ address: 10.2.0.2:80 }] }]
`,
  );
  t.equal(status, 0);
  t.match(stdout, /early_data: HAProxy takes the same first flight as often as somebody sends it/);
  const directory = join(maker.folder, 'export');
  const text = stdout.replaceAll('/etc/haproxy/portico-tls', directory);
  const commands = [...text.matchAll(/^# {3}((?:umask|cat|printf) .*)$/gm)].map(([, command]) => command!);
  t.equal(commands.length, 4);
  t.equal(spawnSync('sh', ['-e'], { input: commands.join('\n'), encoding: 'utf8' }).stderr, '');
  t.equal(await complaints(text), '');
});

t.test('for nftables: the kernel takes it', { skip: has('nft') || (isInside ?? false) }, async (t) => {
  const { stdout, status } = await exported('nftables');
  t.equal(status, 0);
  const checked = spawnSync('nft', ['-c', '-f', '-'], { input: stdout, encoding: 'utf8' });
  t.equal(checked.stderr, '');
  t.match(stdout, 'listener "web": the kernel sees no requests, so it cannot route by them');
  t.match(stdout, 'tcp dport 1883 dnat ip to');
  t.match(stdout, 'snat ip6 to [fd00:2::1:1]:20000-20095');
});

t.test('every example can be exported', { skip: has('haproxy') }, async (t) => {
  const portico = new PorticoProcess(['export', 'haproxy'], '/');
  t.equal(await portico.ended(), 0);
  t.equal(await complaints(portico.stdout), '');
});

t.test('a file with faults, and a format that there is not', async (t) => {
  const broken = await exported('haproxy', FILE.replace('backend: broker', 'backend: brokr'));
  t.equal(broken.status, 1);
  t.match(broken.stderr, 'there is no backend "brokr"');
  const unknown = await exported('nginx');
  t.equal(unknown.status, 2);
  t.match(unknown.stderr, 'export knows haproxy and nftables, not "nginx"');
});
