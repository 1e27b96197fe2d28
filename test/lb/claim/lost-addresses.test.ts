import t from 'tap';
import { addressesOf, kept, watch, wire } from '../../fixtures/claims.ts';
import { enterNamespace, sh } from '../../fixtures/netns.ts';

const skip = enterNamespace(import.meta.url) ?? false;

t.test('an address that is taken away is noticed, and claimed again', { skip }, async (t) => {
  await wire(t);
  const { keeper, states, until } = watch(t, [kept('10.9.0.7'), kept('fd00:9::7'), kept('10.9.0.9')]);
  await keeper.start();
  sh('ip address del 10.9.0.7/32 dev v0');
  await until('10.9.0.7', 'lost');
  t.match(states.get('10.9.0.7')!.at(-1), { reason: 'it was taken off v0' });
  await until('10.9.0.7', 'ready');
  t.ok(addressesOf('v0').includes('10.9.0.7/32'));
  t.equal(states.get('10.9.0.9')!.length, 1, 'the others have nothing to do with it');

  sh('ip link set v0 down');
  for (const address of ['10.9.0.7', 'fd00:9::7', '10.9.0.9']) await until(address, 'lost');
  t.match(states.get('10.9.0.9')!.at(-1), { reason: 'interface v0 is down' });
  sh('ip link set v0 up');
  for (const address of ['10.9.0.7', 'fd00:9::7', '10.9.0.9']) await until(address, 'ready');
  t.match(keeper.counters, { claimed: 3, lost: 4, reclaimed: 2 });

  sh('ip link del v0');
  for (const address of ['10.9.0.7', 'fd00:9::7']) await until(address, 'lost');
  t.match(states.get('10.9.0.7')!.at(-1), { reason: 'interface v0 is gone' });
  sh('ip link add v0 type veth peer name v2');
  sh('ip link set v2 up');
  sh('ip link set v0 up');
  for (const address of ['10.9.0.7', 'fd00:9::7']) await until(address, 'ready');
  await keeper.stop();
  t.same(addressesOf('v0'), []);
});

t.test('an address that is taken away and given to somebody else is not fought for', { skip }, async (t) => {
  const peer = await wire(t);
  const { keeper, states, until } = watch(t, [kept('10.9.0.7')]);
  await keeper.start();
  sh('ip address del 10.9.0.7/32 dev v0');
  peer.sh('ip address add 10.9.0.7/32 dev v1');
  await until('10.9.0.7', 'refused');
  t.match(states.get('10.9.0.7')!.at(-1), { reason: /answers for it/ });
  await keeper.stop();
});

t.test('an existing address is watched and never touched', { skip }, async (t) => {
  await wire(t, 'ip address add 10.9.0.30/32 dev v0');
  const { keeper, states, until } = watch(t, [
    kept('10.9.0.30', { claim: false, interface: 'lo' }),
    kept('10.9.0.31', { claim: false, interface: 'lo' }),
    kept('127.0.1.1', { claim: false, interface: 'lo' }),
  ]);
  await keeper.start();
  t.match(states.get('10.9.0.31'), [{ kind: 'lost', reason: /not on this host; add it, or set claim to true/ }]);
  t.same(states.get('127.0.1.1'), [{ kind: 'ready' }]);
  sh('ip address del 10.9.0.30/32 dev v0');
  await until('10.9.0.30', 'lost');
  sh('ip address add 10.9.0.30/32 dev v0');
  await until('10.9.0.30', 'ready');
  await keeper.stop();
  t.ok(addressesOf('v0').includes('10.9.0.30/32'));
});
