import t from 'tap';
import type { Config } from '../../config/config.ts';
import type { Lookup, LookupAnswer } from '../../lb/dns/lookup.ts';
import { describeEvent, EventLog } from '../../src/event-log.ts';
import { NameService } from '../../src/name-service.ts';
import { configOf } from '../fixtures/fake-admin-source.ts';
import { FakeClock } from '../fixtures/fake-clock.ts';

const config = (names: readonly string[], extra = ''): Config =>
  configOf(`
listeners: [{ name: web, bind: "127.0.0.1:80", backend: app }]
sources: [{ name: four, addresses: [127.0.1.1] }, { name: six, addresses: ["::1"] }]
backends:
  - { name: app, servers: [${names.map((name) => `{ address: "${name}:80" }`).join(', ')}] }
  - { name: other, source: six, servers: [{ address: "a.internal:81" }] }
${extra}`);

function serviceOf() {
  const clock = new FakeClock(1000);
  const log = new EventLog();
  const said: string[] = [];
  log.subscribe((event) => said.push(describeEvent(event)));
  const asked: string[] = [];
  const changed: string[] = [];
  const answers = new Map<string, LookupAnswer>();
  const lookup: Lookup = async (name, family, { nameservers }) => {
    asked.push(`${name} ${family}${nameservers === undefined ? '' : ` of ${nameservers}`}`);
    return answers.get(`${name} ${family}`) ?? { kind: 'failed', reason: 'nxdomain' };
  };
  const service = new NameService({ clock, random: () => 0, log, lookup, onChange: (name) => changed.push(name) });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { clock, service, said, asked, changed, answers, turn };
}

t.test('a name is looked up once for all backends, and each gets what its sources reach', async (t) => {
  const { service, asked, answers, changed, said, turn, clock } = serviceOf();
  answers.set('a.internal 4', { kind: 'found', addresses: ['10.0.0.1'], ttlMs: 30_000 });
  answers.set('a.internal 6', { kind: 'found', addresses: ['2001:db8::1'], ttlMs: 30_000 });
  service.follow(config(['a.internal', 'b.internal']));
  await turn();
  t.strictSame(asked, ['a.internal 4', 'a.internal 6', 'b.internal 4']);
  t.strictSame(service.addressesOf('four', 'a.internal'), ['10.0.0.1']);
  t.strictSame(service.addressesOf('six', 'a.internal'), ['2001:db8::1']);
  t.strictSame(changed, ['b.internal', 'a.internal'].toSorted(), 'both are told of');
  t.strictSame(
    said,
    [
      'name b.internal cannot be looked up (there is no such name); it has no server until that ends',
      'name a.internal has come to 10.0.0.1, 2001:db8::1',
    ].toSorted((a, b) => said.indexOf(a) - said.indexOf(b)),
  );
  answers.delete('a.internal 4');
  answers.delete('a.internal 6');
  clock.advance(30_000);
  await turn();
  t.strictSame(service.addressesOf('four', 'a.internal'), ['10.0.0.1'], 'last addresses stay');
  t.match(service.statuses[0], { name: 'a.internal', failure: 'nxdomain', lookups: { found: 1, nxdomain: 1 } });
  t.match(said.at(-1), /a\.internal cannot be looked up .*its last 2 addresses are kept/);
  answers.set('a.internal 4', { kind: 'found', addresses: ['10.0.0.1'], ttlMs: 30_000 });
  answers.set('a.internal 6', { kind: 'found', addresses: ['2001:db8::1'], ttlMs: 30_000 });
  clock.advance(30_000);
  await turn();
  t.match(said.at(-1), /a\.internal is answered again, as before/);
  service.stop();
  t.equal(clock.pending, 0);
});

t.test('a name that goes and comes back is not asked for again while its answer is good', async (t) => {
  const { service, asked, answers, turn, clock } = serviceOf();
  answers.set('b.internal 4', { kind: 'found', addresses: ['10.0.0.1'], ttlMs: 60_000 });
  service.follow(config(['b.internal']));
  await turn();
  service.follow(config(['c.internal']));
  clock.advance(20_000);
  await turn();
  const before = asked.length;
  service.follow(config(['b.internal']));
  await turn();
  t.strictSame(service.addressesOf('four', 'b.internal'), ['10.0.0.1']);
  t.equal(asked.length, before);
  clock.advance(40_000);
  await turn();
  t.equal(asked.filter((each) => each === 'b.internal 4').length, 2, 'then it is');
  service.follow(config(['c.internal']));
  clock.advance(600_000);
  service.follow(config(['b.internal']));
  t.strictSame(service.addressesOf('four', 'b.internal'), ['10.0.0.1'], 'an old answer is better than none');
  await turn();
  t.equal(asked.filter((each) => each === 'b.internal 4').length, 3);
  service.stop();
});

t.test(
  'what an earlier primary knew holds until there is an answer, and other name servers are asked at once',
  async (t) => {
    const { service, asked, turn } = serviceOf();
    service.remember('b.internal', ['10.0.0.3']);
    service.remember('b.internal', ['10.0.0.4']);
    service.follow(config(['b.internal']));
    t.strictSame(service.addressesOf('four', 'b.internal'), ['10.0.0.3', '10.0.0.4']);
    await turn();
    t.strictSame(service.addressesOf('four', 'b.internal'), ['10.0.0.3', '10.0.0.4'], 'DNS is gone');
    service.follow(config(['b.internal'], 'resolver: { nameservers: [10.0.0.2] }'));
    await turn();
    t.ok(asked.includes('b.internal 4 of 10.0.0.2:53'));
    service.stop();
  },
);
