import { createRequire } from 'node:module';
import t from 'tap';
import { NetlinkConntrackDump, openConntrackDump } from '../../../lb/netlink/conntrack-dump.ts';
import { NatLab } from '../../fixtures/nat-lab.ts';
import { enterNamespace, sh } from '../../fixtures/netns.ts';

const skip = enterNamespace(import.meta.url) ?? false;
const COUNT = 600;

t.test('connections that look as if they came from a source', { skip }, async (t) => {
  const lab = await NatLab.create(t, ['10.2.1.1']);
  await lab.server('10.2.0.2', 9000);
  sh('nft add table ip test');
  sh('nft add chain ip test after { type nat hook postrouting priority 100 ; }');
  sh('nft add rule ip test after oifname s0 meta l4proto tcp snat to 10.2.1.1:20000-29999');
  const clients = await lab.clients();
  t.equal((await clients.open('10.2.0.2', 9000, COUNT, 8)).open, COUNT);
  const options = { sources: ['10.2.1.1'], servers: ['10.2.0.2'] };
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));

  t.test('are all read; a reader that throws leaves the next reading whole', async (t) => {
    const dump = openConntrackDump();
    t.teardown(() => dump.close());
    const failing = dump.dump(options, () => {
      throw new RangeError('reader');
    });
    let seen = 0;
    const whole = dump.dump(options, ({ count }) => {
      seen += count;
    });
    await t.rejects(failing, RangeError);
    t.equal(await whole, true);
    t.equal(seen, COUNT);
  });

  t.test('where messages get lost, the reading says so, and one with room is exact', async (t) => {
    const { RawNetlinkSocket } = createRequire(import.meta.url)('netlink') as typeof import('netlink');
    const raw = (recvBufferSize: number) =>
      new RawNetlinkSocket(12, { messagePeeking: false, msgBufferSize: 16_384, recvBufferSize, sendBufferSize: 0 });
    const lossy = raw(1024 * 1024);
    const dump = new NetlinkConntrackDump(lossy);
    t.teardown(() => dump.close());
    let isFirst = true;
    const cut = dump.dump(options, () => {
      // As the kernel reports a full receive buffer, while the dump goes on.
      if (isFirst) lossy.emit('error', Object.assign(new Error('lost'), { code: 'ENOBUFS' }) as never);
      isFirst = false;
    });
    t.equal(await cut, false);
    let seen = 0;
    t.equal(
      await dump.dump(options, ({ count }) => {
        seen += count;
      }),
      true,
    );
    t.equal(seen, COUNT);
    const small = new NetlinkConntrackDump(raw(1));
    t.teardown(() => small.close());
    let found = 0;
    const isWhole = await small.dump(options, ({ count }) => {
      found += count;
    });
    t.ok(!isWhole || found === COUNT, 'with the smallest buffer that there is: all, or known not to be');
  });
  await clients.ask({ type: 'close', count: COUNT });
  sh('nft delete table ip test');
});
