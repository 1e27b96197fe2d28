import t from 'tap';
import { NatLab } from '../fixtures/nat-lab.ts';
import { enterNamespace, sh } from '../fixtures/netns.ts';
import { PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { closeAll, config, ONE, RAW, startKernel } from '../fixtures/running-kernel.ts';

const skip = enterNamespace(import.meta.url) ?? false;

t.test('IPv6, clients and servers on this host, stickiness, weights', { skip }, async (t) => {
  const lab = await NatLab.create(t, ['10.2.1.1', '10.2.1.2', 'fd00:2::1:1']);
  await lab.server('fd00:2::2', 9000);
  await lab.server('10.2.0.2', 9000);
  await lab.server('10.2.0.3', 9000);
  await startKernel(
    t,
    `
sources: [{ name: wide, addresses: [10.2.1.1-10.2.1.2, "fd00:2::1:1"], ports: 20000-22000 }]
listeners:
  - { name: six, bind: "[::]:86", engine: kernel, backend: six }
  - { name: here, bind: "0.0.0.0:84", engine: kernel, backend: here }
  - { name: same, bind: "10.1.0.1:85", engine: kernel, backend: same }
  - { name: weighted, bind: "10.1.0.1:88", engine: kernel, backend: weighted }
backends:
  - { name: six, servers: [{ address: "[fd00:2::2]:9000" }] }
  - { name: here, servers: [{ address: "10.2.0.1:9000" }] }
  - { name: same, balance: hash, servers: [{ address: "10.2.0.2:9000" }, { address: "10.2.0.3:9000" }] }
  - { name: weighted, balance: round-robin, servers: [{ address: "10.2.0.2:9000", weight: 3 }, { address: "10.2.0.3:9000" }] }
planes: 1
`,
  );
  await lab.localServer('10.2.0.1', 9000);
  const clients = await lab.clients();
  const six = await clients.open('fd00:1::1', 86, 5);
  t.ok(
    six.greetings.every((greeting) => greeting.startsWith('fd00:2::2 fd00:2::1:1 2')),
    six.greetings.join(),
  );
  const here = await clients.open('10.1.0.1', 84, 5);
  t.ok(
    here.greetings.every((greeting) => greeting.startsWith('10.2.0.1 10.2.1.')),
    'a server on this host',
  );
  const local = await lab.localClients();
  t.equal((await local.open('10.1.0.1', 84, 5)).open, 5, 'a client on this host, too');
  const outwards = await local.open('10.1.0.1', 88, 4);
  t.ok(
    outwards.greetings.every((greeting) => / 10\.2\.1\.[12] 2\d{4}$/.test(greeting)),
    outwards.greetings.join(),
  );
  const same = await clients.open('10.1.0.1', 85, 10);
  t.equal(new Set(same.greetings.map((greeting) => greeting.split(' ')[0])).size, 1, 'one client, one server');
  const weighted = await clients.open('10.1.0.1', 88, 40);
  t.equal(weighted.greetings.filter((greeting) => greeting.startsWith('10.2.0.2 ')).length, 30);
  await local.ask({ type: 'close', count: 100 });
  await closeAll(clients);
});

t.test('what stands in the way is said', { skip }, async (t) => {
  await NatLab.create(t, ['10.2.1.1']);
  const file = writeConfig(config(RAW, ONE));
  sh('sysctl -qw net.ipv4.ip_forward=0');
  const unforwarded = new PorticoProcess(['run', '-c', file]);
  t.equal(await unforwarded.ended(), 1);
  t.match(
    unforwarded.stderr,
    /net\.ipv4\.ip_forward is 0, so the kernel forwards nothing from listener "raw" to 10\.2\.0\.2; set it to 1/,
  );
  sh('sysctl -qw net.ipv4.ip_forward=1');
  sh('nft add table inet portico');
  const foreign = new PorticoProcess(['run', '-c', file]);
  t.equal(await foreign.ended(), 1);
  t.match(foreign.stderr, /there is a table "inet portico" that is not Portico's/);
  t.match(sh('nft list tables'), /table inet portico/, 'and is let be');
  sh('nft delete table inet portico');
});
