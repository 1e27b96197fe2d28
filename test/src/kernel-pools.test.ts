import t from 'tap';
import { NatLab } from '../fixtures/nat-lab.ts';
import { enterNamespace, sh } from '../fixtures/netns.ts';
import { closeAll, startKernel, until } from '../fixtures/running-kernel.ts';

const skip = enterNamespace(import.meta.url) ?? false;

t.test(
  'IPv6 alone; checks have ports of a pool that is taken whole; a pool without a port is told',
  { skip },
  async (t) => {
    const lab = await NatLab.create(t, ['fd00:2::1:1']);
    sh('ip -4 address flush dev c0');
    sh('ip -4 address flush dev s0');
    sh('sysctl -qw net.ipv4.ip_forward=0');
    await lab.server('fd00:2::2', 9000);
    await lab.udpServer('fd00:2::2', 53);
    const { events } = await startKernel(
      t,
      `
sources:
  - { name: small, addresses: ["fd00:2::1:1"], ports: 20000-20127 }
  - { name: useless, addresses: ["fd00:2::1"], ports: 40000-50000 }
listeners:
  - { name: raw, bind: "[fd00:1::1]:80", engine: kernel, backend: app }
  - { name: dns, bind: "[::]:53", engine: kernel, protocol: udp, backend: resolvers }
backends:
  - { name: app, source: small, health: { interval: 100ms }, servers: [{ address: "[fd00:2::2]:9000" }] }
  - { name: resolvers, source: small, servers: [{ address: "[fd00:2::2]:53" }] }
planes: 1
`,
    );
    t.ok(
      events.some((event) =>
        /^source pool "useless" has no port that can be used: .* 32768-60999 is left to other programs .*; give it ports/.test(
          event,
        ),
      ),
      events.join(),
    );
    await until('portico_server_up', 'backend="app"', (value) => value === 1);
    const clients = await lab.clients();
    const { greetings, failures } = await clients.open('fd00:1::1', 80, 100, 4);
    t.same(failures, {});
    t.ok(greetings.every((greeting) => /^fd00:2::2 fd00:2::1:1 20\d{3}$/.test(greeting)));
    const ask = await lab.udpClient('fd00:1::1', 53);
    t.match((await ask({ count: 3, bytes: 3000 })).join(), /^(fd00:2::2 fd00:2::1:1 20\d{3} 3000,?){3}$/);
    await closeAll(clients);
  },
);
