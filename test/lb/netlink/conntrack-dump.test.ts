import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import net, { type AddressInfo } from 'node:net';
import t from 'tap';
import { NetlinkConntrackDump, openConntrackDump } from '../../../lb/netlink/conntrack-dump.ts';
import { decodeMessages } from '../../../lb/netlink/message.ts';
import { NatLab } from '../../fixtures/nat-lab.ts';
import { enterNamespace, sh } from '../../fixtures/netns.ts';

const skip = enterNamespace(import.meta.url) ?? false;
const COUNT = 600;
/** IPCTNL_MSG_CT_NEW of ctnetlink. */
const CONNTRACK_ENTRY = 0x0100;

function openRaw(recvBufferSize: number) {
  const { RawNetlinkSocket } = createRequire(import.meta.url)('netlink') as typeof import('netlink');
  return new RawNetlinkSocket(12, { messagePeeking: false, msgBufferSize: 16_384, recvBufferSize, sendBufferSize: 0 });
}

t.test('connections that look as if they came from a source', { skip }, async (t) => {
  const lab = await NatLab.create(t, ['10.2.1.1']);
  await lab.server('10.2.0.2', 9000);
  sh('nft add table ip test');
  sh('nft add chain ip test after { type nat hook postrouting priority 100 ; }');
  sh('nft add rule ip test after oifname s0 tcp dport 9000 snat to 10.2.1.1:20000-29999');
  const clients = await lab.clients();
  t.equal((await clients.open('10.2.0.2', 9000, COUNT, 8)).open, COUNT);
  const options = { sources: ['10.2.1.1'], servers: ['10.2.0.2'] };
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));

  t.test('are all that the kernel tells of, from 5.17 on', async (t) => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const other = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    await once(other, 'connect');
    t.teardown(() => {
      other.destroy();
      server.close();
    });
    t.ok(Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_count', 'latin1')) > COUNT);
    const raw = openRaw(1024 * 1024);
    const dump = new NetlinkConntrackDump(raw);
    t.teardown(() => dump.close());
    let told = 0;
    raw.on('message', (bytes) => {
      told += decodeMessages(bytes).filter(({ type }) => type === CONNTRACK_ENTRY).length;
    });
    t.equal(await dump.dump(options, () => {}), true);
    t.equal(told, COUNT);
  });

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
    const lossy = openRaw(1024 * 1024);
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
    const small = new NetlinkConntrackDump(openRaw(1));
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
