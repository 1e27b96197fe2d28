import { join } from 'node:path';
import t from 'tap';
import { addressesOf } from '../fixtures/claims.ts';
import { NatLab } from '../fixtures/nat-lab.ts';
import { enterNamespace, sh } from '../fixtures/netns.ts';
import { PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const skip = enterNamespace(import.meta.url) ?? false;

const configWith = (socket: string): string => `
sources: [{ name: wide, addresses: [10.2.1.1-10.2.1.2], claim: true, interface: s0, ports: 20000-20999 }]
listeners: [{ name: raw, bind: "10.1.0.1:80", engine: kernel, backend: app }]
backends: [{ name: app, balance: round-robin, servers: [{ address: "10.2.0.2:9000" }] }]
admin: { listen: "unix:${socket}" }
planes: 1
drain_timeout: 1s
`;

const CLAIMED = ['10.2.1.1/32', '10.2.1.2/32'];
const claimed = (): string[] => addressesOf('s0').filter((address) => CLAIMED.includes(address));

t.test(
  'stop lets rules and addresses be, and with --flush removes them, whether Portico runs or not',
  { skip },
  async (t) => {
    const lab = await NatLab.create(t, []);
    await lab.server('10.2.0.2', 9000);
    const file = writeConfig(configWith(join(temporaryFolder(), 'admin.sock')));
    const stop = async (...flags: string[]): Promise<PorticoProcess> => {
      const command = new PorticoProcess(['stop', '-c', file, ...flags]);
      await command.ended();
      return command;
    };
    const start = async (): Promise<PorticoProcess> => {
      const portico = new PorticoProcess(['run', '-c', file]);
      t.teardown(() => portico.child.kill('SIGKILL'));
      await portico.until(/kernel accepts connections/);
      await portico.until(/Portico is running\./);
      return portico;
    };
    const clients = await lab.clients();
    const first = await start();
    t.equal((await clients.open('10.1.0.1', 80, 20)).open, 20);
    const plain = await stop();
    t.match(plain.stdout, new RegExp(`stopped process ${first.child.pid}`));
    t.equal(await first.ended(), 0);
    t.equal((await clients.ask({ type: 'check' })).alive, 20, 'connections go on');
    t.equal((await clients.open('10.1.0.1', 80, 20)).open, 40, 'and new ones come');
    t.same(claimed(), CLAIMED);

    const again = await stop();
    t.match(again.stderr, /Portico is not running/);
    t.equal(await again.ended(), 1);
    const flushed = await stop('--flush');
    t.match(
      flushed.stdout,
      /is not running\nremoved the rules of the kernel engine.*\nreleased 10\.2\.1\.1, 10\.2\.1\.2/,
    );
    t.equal(await flushed.ended(), 0);
    t.same(claimed(), []);
    t.notMatch(sh('nft list tables'), /portico/);
    t.match((await stop('--flush')).stdout, /no rules of the kernel engine were left\nno claimed addresses were left/);

    const second = await start();
    const both = await stop('--flush');
    t.match(both.stdout, /stopped process \d+\nremoved the rules.*\nreleased 10\.2\.1\.1, 10\.2\.1\.2/);
    t.equal(await second.ended(), 0);
    t.same(claimed(), []);
    sh('nft add table inet portico');
    t.match((await stop('--flush')).stdout, /no rules/, 'a table of the name that is not ours');
    t.match(sh('nft list tables'), /table inet portico/, 'is let be');
    sh('nft delete table inet portico');
  },
);
