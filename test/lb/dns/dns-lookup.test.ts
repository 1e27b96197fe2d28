import t from 'tap';
import { DEFAULT_RESOLVER } from '../../../config/resolver-config.ts';
import { systemClock } from '../../../lb/clock.ts';
import { createDnsLookup } from '../../../lb/dns/dns-lookup.ts';
import { localAddresses } from '../../../lb/dns/local-names.ts';
import { type DnsReply, DnsServer } from '../../fixtures/dns-server.ts';

const HOSTS = `
127.0.0.1	localhost
10.9.8.7  printer PRINTER.lan # 10.9.8.8 none
2001:db8:0::1 printer
not-an-address printer
`;

t.test('a real server is asked, and every kind of answer is told from the others', async (t) => {
  const server = await DnsServer.start(t);
  const settings = { ...DEFAULT_RESOLVER, nameservers: [server.address], timeoutMs: 400 };
  const lookup = createDnsLookup({ clock: systemClock, hosts: () => HOSTS });
  const many = Array.from({ length: 3000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
  const replies: readonly [string, DnsReply][] = [
    ['app.internal A', { addresses: ['10.0.0.2', '10.0.0.1'], ttl: 7 }],
    ['app.internal AAAA', { addresses: ['2001:db8::2'], ttl: 0 }],
    ['four.internal A', { addresses: ['10.0.0.1'], ttl: 60 }],
    ['many.internal A', { addresses: many, ttl: 5 }],
    ['broken.internal A', 'servfail'],
    ['closed.internal A', 'refused'],
    ['silent.internal A', 'silent'],
    ['odd.internal A', 'garbage'],
  ];
  for (const [question, reply] of replies) server.set(question, reply);
  const found = (addresses: readonly string[], ttlMs: number) => ({ kind: 'found', addresses, ttlMs });
  const failed = (reason: string) => ({ kind: 'failed', reason });
  const cases = [
    ['app.internal', 4, found(['10.0.0.2', '10.0.0.1'], 7000)],
    ['app.internal', 6, found(['2001:db8::2'], 0)],
    ['four.internal', 6, { kind: 'empty' }],
    ['gone.internal', 4, failed('nxdomain')],
    ['broken.internal', 4, failed('servfail')],
    ['closed.internal', 4, failed('refused')],
    ['silent.internal', 4, failed('timeout')],
    ['printer', 4, found(['10.9.8.7'], 5000)],
    ['printer.lan', 6, { kind: 'empty' }],
    ['localhost', 4, found(['127.0.0.1'], 5000)],
    ['app.localhost', 6, found(['::1'], 5000)],
  ] as const;
  await Promise.all(
    cases.map(async ([name, family, expected]) =>
      t.strictSame(await lookup(name, family, settings), expected, `${name}, IPv${family}`),
    ),
  );
  t.notOk(
    server.queries.some((each) => /^(printer|.*localhost)/.test(each)),
    'what the host knows is not asked for',
  );
  const all = await lookup('many.internal', 4, { ...settings, timeoutMs: 5000 });
  t.equal(all.kind === 'found' && all.addresses.length, 3000, 'an answer too long for UDP is fetched over TCP');
  const odd = await lookup('odd.internal', 4, settings);
  t.equal(odd.kind, 'failed', 'what is no message is no answer');
  const nobody = await lookup('app.internal', 4, { ...settings, nameservers: ['127.0.0.1:1'] });
  t.strictSame(nobody, failed('timeout'), 'and nobody there is as good as silence');
});

t.test('names that this host has itself', async (t) => {
  t.strictSame(localAddresses(HOSTS, 'printer'), ['10.9.8.7', '2001:db8::1']);
  t.strictSame(localAddresses(HOSTS, 'localhost'), ['127.0.0.1'], 'the file goes before what is known of localhost');
  t.strictSame(localAddresses('', 'localhost'), ['127.0.0.1', '::1']);
  t.equal(localAddresses(HOSTS, 'none'), undefined, 'comments are no names');
  t.equal(localAddresses(HOSTS, 'lan'), undefined);
});
