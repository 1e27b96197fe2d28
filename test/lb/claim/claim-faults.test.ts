import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { addressesOf, kept, watch, wire } from '../../fixtures/claims.ts';
import { enterNamespace } from '../../fixtures/netns.ts';

const HOLDER = fileURLToPath(new URL('../../fixtures/claim-holder.js', import.meta.url));
const skip = enterNamespace(import.meta.url) ?? false;

t.test('after kill -9 the next run takes over what is wanted and removes the rest', { skip }, async (t) => {
  await wire(t, 'ip address add 10.9.0.40/32 dev v0');
  const holder = fork(HOLDER, ['v0', '10.9.0.7', '10.9.0.8', 'fd00:9::7']);
  await once(holder, 'message');
  const other = watch(t, [kept('10.9.0.9')]);
  await t.rejects(other.keeper.start(), {
    code: 'CLAIM',
    message: `another Portico (process ${holder.pid}) claims addresses on v0; stop it, or give this one another interface.`,
  });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  t.same(addressesOf('v0').length, 6);
  const { keeper, notices } = watch(t, [kept('10.9.0.7')]);
  await keeper.start();
  t.same(notices, ['removed 2 addresses from v0 that an earlier run had left there']);
  t.same(addressesOf('v0'), ['10.9.0.1/24', '10.9.0.40/32', '10.9.0.7/32', 'fd00:9::1/64']);
  await keeper.stop();
  t.same(addressesOf('v0'), ['10.9.0.1/24', '10.9.0.40/32', 'fd00:9::1/64']);
});

t.test('what is to outlive a stop stays, and the next run takes it over', { skip }, async (t) => {
  await wire(t);
  const addresses = [kept('10.9.0.7', { staysAtStop: true }), kept('10.9.0.8')];
  const first = watch(t, addresses);
  await first.keeper.start();
  await first.keeper.stop();
  t.same(addressesOf('v0'), ['10.9.0.1/24', '10.9.0.7/32', 'fd00:9::1/64']);
  const second = watch(t, addresses);
  await second.keeper.start();
  t.same(second.states.get('10.9.0.7'), [{ kind: 'ready' }]);
  t.equal(second.keeper.counters.conflicts, 0);
  await second.keeper.stop();
  const third = watch(t, [kept('10.9.0.8')]);
  await third.keeper.start();
  t.same(addressesOf('v0'), ['10.9.0.1/24', '10.9.0.8/32', 'fd00:9::1/64'], 'until no config names it any more');
});

t.test('addresses come and go at run time', { skip }, async (t) => {
  const peer = await wire(t);
  peer.sh('ip address add 10.9.0.8/32 dev v1');
  const { keeper } = watch(t, [kept('10.9.0.7')]);
  await keeper.start();
  t.same(await keeper.add(kept('10.9.0.9')), { kind: 'ready' });
  t.match(await keeper.add(kept('10.9.0.8')), { kind: 'refused', reason: /answers for it/ });
  t.match(await keeper.add(kept('10.9.0.10', { interface: 'v9' })), { kind: 'refused', reason: /no interface "v9"/ });
  t.same(addressesOf('v0'), ['10.9.0.1/24', '10.9.0.7/32', '10.9.0.9/32', 'fd00:9::1/64']);
  await keeper.remove(kept('10.9.0.7'));
  t.same(addressesOf('v0'), ['10.9.0.1/24', '10.9.0.9/32', 'fd00:9::1/64']);
  await keeper.stop();
  t.same(addressesOf('v0'), ['10.9.0.1/24', 'fd00:9::1/64']);
});

t.test('1,000 addresses in one go, and away again', { skip }, async (t) => {
  await wire(t, 'ip address add 10.9.0.40/32 dev v0');
  const many = Array.from({ length: 1000 }, (_, i) => `10.7.${i >> 8}.${i & 255}`);
  const { keeper, states } = watch(
    t,
    many.map((address) => kept(address)),
  );
  const start = performance.now();
  await keeper.start();
  t.comment(`claimed in ${Math.round(performance.now() - start)} ms`);
  t.equal([...states.values()].filter((seen) => seen.at(-1)!.kind === 'ready').length, 1000);
  t.equal(addressesOf('v0').length, 1003);
  await keeper.stop();
  t.same(addressesOf('v0'), ['10.9.0.1/24', '10.9.0.40/32', 'fd00:9::1/64']);
});

t.test('what cannot be claimed at all is said in one sentence', { skip }, async (t) => {
  await wire(t);
  await t.rejects(watch(t, [kept('10.9.0.7', { interface: 'eth9' })]).keeper.start(), {
    code: 'CLAIM',
    message: 'there is no interface "eth9" to claim addresses on; there are: lo, v0.',
  });
  const holder = fork(HOLDER, ['v0', '10.9.0.7'], {
    execPath: 'setpriv',
    execArgv: ['--bounding-set=-all', '--inh-caps=-all', process.execPath],
    silent: true,
  });
  let text = '';
  holder.stderr!.on('data', (data) => (text += data));
  t.same(await once(holder, 'close'), [1, null]);
  t.match(text, /needs the capability CAP_NET_ADMIN: in the systemd unit write "AmbientCapabilities=CAP_NET_ADMIN"/);
  t.same(addressesOf('v0'), ['10.9.0.1/24', 'fd00:9::1/64']);
});
