import { once } from 'node:events';
import net from 'node:net';
import t from 'tap';
import { IpHost } from '../../../lb/netlink/ip-host.ts';
import { addressesOf, kept, watch, wire } from '../../fixtures/claims.ts';
import { enterNamespace, sh } from '../../fixtures/netns.ts';

const skip = enterNamespace(import.meta.url) ?? false;

t.test('IPv4 and IPv6 on a wire, as addresses that the host itself does not use', { skip }, async (t) => {
  const peer = await wire(t);
  const { keeper, states, until } = watch(t, [kept('10.9.0.7'), kept('fd00:9::7')]);
  await keeper.start();
  t.same(addressesOf('v0'), ['10.9.0.1/24', '10.9.0.7/32', 'fd00:9::1/64', 'fd00:9::7/128']);
  // iproute2 6.1 of Debian 12 does not show who added an address.
  const host = new IpHost();
  const tags = new Map((await host.addresses()).map(({ address, tag }) => [address, tag]));
  host.close();
  t.same(
    ['10.9.0.7', 'fd00:9::7', '10.9.0.1', 'fd00:9::1'].map((address) => tags.get(address)),
    [0x50, 0x50, 0, 0],
  );
  t.same([...states.values()], [[{ kind: 'ready' }], [{ kind: 'ready' }]]);
  t.match(sh('ip route get 10.9.0.2'), /src 10\.9\.0\.1/);
  t.match(sh('ip route get fd00:9::2'), /src fd00:9::1/);
  const server = net.createServer((socket) => socket.end('here')).listen(0, '10.9.0.7');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const reader = peer.spawn('bash', ['-c', `cat < /dev/tcp/10.9.0.7/${port}`]);
  const [answer] = (await once(reader.stdout!, 'data')) as [Buffer];
  t.equal(answer.toString(), 'here');
  // Its FIN comes over the wire, and nothing closes the socket here if the wire goes first.
  await once(server.close(), 'close');
  t.match(keeper.counters, { claimed: 2, conflicts: 0 });
  await until('10.9.0.7', 'ready');
  await keeper.stop();
  t.same(addressesOf('v0'), ['10.9.0.1/24', 'fd00:9::1/64']);
  await keeper.stop();
});

t.test('on a macvlan, a bridge and lo', { skip }, async (t) => {
  await wire(t);
  sh('ip link add link v0 name m0 type macvlan mode bridge');
  sh('ip link add name b0 type bridge');
  sh('ip link add d0 type veth peer name d1');
  sh('ip link set d1 master b0');
  for (const name of ['m0', 'd0', 'd1', 'b0']) sh(`ip link set ${name} up`);
  const { keeper, states } = watch(
    t,
    ['m0', 'b0', 'lo'].flatMap((name, i) => [
      kept(`10.8.${i}.1`, { interface: name }),
      kept(`fd00:8:${i + 1}::1`, { interface: name }),
    ]),
  );
  await keeper.start();
  for (const [i, name] of ['m0', 'b0', 'lo'].entries())
    t.same(addressesOf(name), [`10.8.${i}.1/32`, `fd00:8:${i + 1}::1/128`], name);
  t.ok([...states.values()].every((seen) => seen.length === 1 && seen[0]!.kind === 'ready'));
  await keeper.stop();
  for (const name of ['m0', 'b0', 'lo']) t.same(addressesOf(name), [], name);
  for (const name of ['b0', 'd0']) sh(`ip link del ${name}`);
});

t.test('what somebody has is refused, with the name of who; the others are claimed', { skip }, async (t) => {
  const peer = await wire(t, 'ip address add 10.9.0.20/32 dev lo');
  peer.sh('ip address add 10.9.0.8/32 dev v1');
  peer.sh('ip -6 address add fd00:9::8/128 dev v1 nodad');
  const { mac } = { mac: /link\/ether (\S+)/.exec(peer.sh('ip link show v1'))![1]! };
  const { keeper, states } = watch(t, [
    kept('10.9.0.7'),
    kept('10.9.0.8'),
    kept('fd00:9::8'),
    kept('10.9.0.20'),
    kept('10.9.0.1'),
  ]);
  await keeper.start();
  const reason = (address: string): string => (states.get(address)!.at(-1) as { reason?: string }).reason ?? 'ready';
  t.equal(reason('10.9.0.7'), 'ready');
  t.match(reason('10.9.0.8'), `${mac} on v0 answers for it`);
  t.match(reason('fd00:9::8'), /answers for it|duplicate address detection/);
  t.match(reason('10.9.0.20'), /it is on lo already and was not added by Portico/);
  t.match(reason('10.9.0.1'), /it is on v0 already and was not added by Portico/);
  t.match(keeper.counters, { claimed: 1, conflicts: 4 });
  t.same(addressesOf('v0'), ['10.9.0.1/24', '10.9.0.7/32', 'fd00:9::1/64']);
  t.notMatch(sh('ip neigh show'), /10\.9\.0\.7/, 'the question has left nothing behind');
  await keeper.stop();
  t.same(addressesOf('v0'), ['10.9.0.1/24', 'fd00:9::1/64']);
  t.same(addressesOf('lo'), ['10.9.0.20/32']);
  sh('ip address del 10.9.0.20/32 dev lo');
});

t.test('neighbours that knew another host by the address hear of us', { skip }, async (t) => {
  const peer = await wire(t);
  peer.sh('ip neigh replace 10.9.0.7 lladdr 02:00:00:00:00:99 dev v1 nud stale');
  const { keeper } = watch(t, [kept('10.9.0.7')]);
  await keeper.start();
  const mac = /link\/ether (\S+)/.exec(sh('ip link show v0'))![1]!;
  let known = '';
  for (let tries = 0; tries < 200 && !known.includes(mac); tries++) {
    known = peer.sh('ip neigh show 10.9.0.7');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.match(known, mac);
  await keeper.stop();
});
