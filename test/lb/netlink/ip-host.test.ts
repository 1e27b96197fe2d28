import t, { type Test } from 'tap';
import { IpHost } from '../../../lb/netlink/ip-host.ts';
import { NetlinkSocket } from '../../../lb/netlink/netlink-socket.ts';
import { enterNamespace, sh } from '../../fixtures/netns.ts';

const skip = enterNamespace(import.meta.url) ?? false;
const alive = setInterval(() => {}, 1000);
t.teardown(() => clearInterval(alive));

function open(t: Test): IpHost {
  const host = new IpHost();
  t.teardown(() => host.close());
  return host;
}

t.test('links and addresses', { skip }, async (t) => {
  const host = open(t);
  t.match(await host.links(), [{ name: 'lo', isRunning: false, hasNeighbours: false }]);
  t.same(await host.addresses(), []);
  sh('ip link set lo up');
  t.match(await host.links(), [{ name: 'lo', isRunning: true }]);
  t.match(
    (await host.addresses()).map(({ address, prefixLength, tag }) => `${address}/${prefixLength} ${tag}`),
    [/^127\.0\.0\.1\/8 /, /^::1\/128 /],
  );
  await host.addAddress(1, '10.1.1.1', 7);
  await t.rejects(host.addAddress(1, '10.1.1.1', 7), { code: 'NETLINK', message: 'netlink: EEXIST' });
  await t.rejects(host.addAddress(99, '10.1.1.2', 7), { message: 'netlink: ENODEV' });
  t.match(
    (await host.addresses()).find(({ address }) => address === '10.1.1.1'),
    { tag: 7 },
  );
  await host.removeAddress(1, '10.1.1.1');
  await host.removeAddress(1, '10.1.1.1');
  t.notOk((await host.addresses()).some(({ address }) => address === '10.1.1.1'));
});

t.test('500 requests at once are all answered, in spite of a small receive buffer', { skip }, async (t) => {
  const host = open(t);
  const many = Array.from({ length: 500 }, (_, i) => `10.2.${i >> 8}.${i & 255}`);
  await Promise.all(many.map((address) => host.addAddress(1, address, 7)));
  t.equal((await host.addresses()).filter(({ tag }) => tag === 7).length, 500);
  await Promise.all(many.map((address) => host.removeAddress(1, address)));
  t.equal((await host.addresses()).filter(({ tag }) => tag === 7).length, 0);
});

t.test('what is under way when the socket closes fails', { skip }, async (t) => {
  const socket = new NetlinkSocket(0);
  const request = socket.request(18, 0x300, Buffer.alloc(16));
  socket.close();
  await t.rejects(request, { code: 'NETLINK', message: 'netlink: EBADF' });
  await t.rejects(socket.request(18, 0x300, Buffer.alloc(16)), { message: 'netlink: EBADF' });
  socket.close();
});
