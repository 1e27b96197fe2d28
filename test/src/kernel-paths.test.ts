import t from 'tap';
import { NatLab } from '../fixtures/nat-lab.ts';
import { enterNamespace, sh } from '../fixtures/netns.ts';
import { closeAll, startKernel } from '../fixtures/running-kernel.ts';

const skip = enterNamespace(import.meta.url) ?? false;

t.test('UDP, fragments, links of other sizes, and firewalls of others', { skip }, async (t) => {
  const lab = await NatLab.create(t, ['10.2.1.1', '10.2.1.2']);
  await lab.udpServer('10.2.0.2', 53);
  await lab.server('10.2.0.2', 9000);
  await startKernel(
    t,
    `
sources: [{ name: wide, addresses: [10.2.1.1-10.2.1.2], ports: 20000-21999 }]
listeners:
  - { name: dns, bind: "10.1.0.1:53", engine: kernel, protocol: udp, backend: resolvers }
  - { name: raw, bind: "10.1.0.1:80", engine: kernel, backend: app }
backends:
  - { name: resolvers, servers: [{ address: "10.2.0.2:53" }] }
  - { name: app, servers: [{ address: "10.2.0.2:9000" }] }
planes: 1
`,
  );
  const ask = await lab.udpClient('10.1.0.1', 53);
  for (const bytes of [40, 4000]) {
    const answers = await ask({ count: 20, bytes });
    t.ok(
      answers.every((answer) => new RegExp(`^10\\.2\\.0\\.2 10\\.2\\.1\\.[12] 2\\d{4} ${bytes}$`).test(answer)),
      `datagrams of ${bytes} bytes: ${answers[0]}`,
    );
  }

  const clients = await lab.clients();
  t.equal((await clients.open('10.1.0.1', 80, 8, 4)).open, 8);
  sh('ip link set s0 mtu 1300');
  const BIG = 200_000;
  t.equal(
    (await clients.ask({ type: 'check', bytes: BIG })).alive,
    8,
    'packets too large for a link are told to the client',
  );
  sh('ip link set s0 mtu 1500');

  // As Docker has it: destinations and sources of its own, and nothing forwarded that it does not know.
  sh('nft add table ip nat');
  sh('nft add chain ip nat POSTROUTING { type nat hook postrouting priority 100 ; }');
  sh('nft add rule ip nat POSTROUTING oifname s0 masquerade');
  sh('nft add chain ip nat PREROUTING { type nat hook prerouting priority -100 ; }');
  sh('nft add rule ip nat PREROUTING tcp dport 80 dnat to 10.2.0.77:80');
  sh('nft add table ip filter');
  sh('nft add chain ip filter FORWARD { type filter hook forward priority 0 ; policy drop ; }');
  sh('nft add rule ip filter FORWARD ct status dnat accept');
  const { greetings } = await clients.open('10.1.0.1', 80, 4);
  t.equal(greetings.length, 4);
  t.ok(
    greetings.every((greeting) => /^10\.2\.0\.2 10\.2\.1\.[12] 2\d{4}$/.test(greeting)),
    `what others translate comes after: ${greetings[0]}`,
  );
  await closeAll(clients);
});
