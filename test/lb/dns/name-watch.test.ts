import t from 'tap';
import { DEFAULT_RESOLVER } from '../../../config/resolver-config.ts';
import type { Family, LookupAnswer } from '../../../lb/dns/lookup.ts';
import { afterAnswers, type NameAddresses, NOTHING_KNOWN } from '../../../lb/dns/name-addresses.ts';
import { NameWatch } from '../../../lb/dns/name-watch.ts';
import { FakeClock } from '../../fixtures/fake-clock.ts';

const found = (addresses: readonly string[], ttlMs = 10_000): LookupAnswer => ({ kind: 'found', addresses, ttlMs });
const failed = (reason: 'servfail' | 'nxdomain' | 'timeout'): LookupAnswer => ({ kind: 'failed', reason });
const EMPTY: LookupAnswer = { kind: 'empty' };
const LIMITS = { nowMs: 1000, holdMs: 0, maxAddresses: 10 };
const known = (addresses: readonly string[], atMs = 0): NameAddresses => ({
  ...NOTHING_KNOWN,
  seenMs: new Map(addresses.map((each) => [each, atMs])),
});

t.test('what is known after answers', async (t) => {
  const cases: readonly [string, NameAddresses, [Family, LookupAnswer][], readonly string[], string | undefined][] = [
    ['the first answer', NOTHING_KNOWN, [[4, found(['10.0.0.2', '10.0.0.1'])]], ['10.0.0.1', '10.0.0.2'], undefined],
    ['others', known(['10.0.0.1']), [[4, found(['10.0.0.2'])]], ['10.0.0.2'], undefined],
    ['twice the same', NOTHING_KNOWN, [[4, found(['10.0.0.1', '10.0.0.1'])]], ['10.0.0.1'], undefined],
    ['no such name', known(['10.0.0.1']), [[4, failed('nxdomain')]], ['10.0.0.1'], 'nxdomain'],
    [
      'no address',
      known(['10.0.0.1']),
      [
        [4, EMPTY],
        [6, EMPTY],
      ],
      ['10.0.0.1'],
      'empty',
    ],
    [
      'only bad ones',
      known(['10.0.0.1']),
      [[4, found(['0.0.0.0', '255.255.255.255', '224.0.0.1'])]],
      ['10.0.0.1'],
      'unusable',
    ],
    [
      'bad ones of IPv6',
      NOTHING_KNOWN,
      [[6, found(['::', 'ff02::1', 'fe80::1', '2001:db8::1'])]],
      ['2001:db8::1'],
      undefined,
    ],
    [
      'one family fails: what was known of it holds',
      known(['10.0.0.1', '2001:db8::1']),
      [
        [4, found(['10.0.0.2'])],
        [6, failed('timeout')],
      ],
      ['10.0.0.2', '2001:db8::1'],
      undefined,
    ],
    [
      'one family is empty',
      known(['10.0.0.1', '2001:db8::1']),
      [
        [4, found(['10.0.0.1'])],
        [6, EMPTY],
      ],
      ['10.0.0.1'],
      undefined,
    ],
    [
      'one family is asked for no more',
      known(['10.0.0.1', '2001:db8::1']),
      [[4, found(['10.0.0.1'])]],
      ['10.0.0.1'],
      undefined,
    ],
  ];
  for (const [what, before, answers, expected, failure] of cases) {
    const after = afterAnswers(before, new Map(answers), LIMITS);
    t.strictSame([...after.seenMs.keys()], expected, what);
    t.equal(after.failure, failure, what);
  }
});

t.test('thousands of addresses are cut to a number, those in use first', async (t) => {
  const many = Array.from({ length: 5000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
  const first = afterAnswers(known(['10.1.9.9']), new Map([[4, found(many)]]), { ...LIMITS, maxAddresses: 100 });
  t.equal(first.seenMs.size, 100);
  t.ok(first.seenMs.has('10.1.9.9'));
  t.equal(first.tooMany, 4900);
  const second = afterAnswers(first, new Map([[4, found(many.toReversed())]]), { ...LIMITS, maxAddresses: 100 });
  t.strictSame([...second.seenMs.keys()], [...first.seenMs.keys()], 'another order changes nothing');
});

t.test('an address that answers lack is held as long as was asked for', async (t) => {
  const limits = { maxAddresses: 10, holdMs: 5000 };
  const before = known(['10.0.0.1', '10.0.0.2'], 1000);
  const within = afterAnswers(before, new Map([[4, found(['10.0.0.2'])]]), { ...limits, nowMs: 6000 });
  t.strictSame([...within.seenMs.keys()], ['10.0.0.1', '10.0.0.2']);
  const after = afterAnswers(within, new Map([[4, found(['10.0.0.2'])]]), { ...limits, nowMs: 6001 });
  t.strictSame([...after.seenMs.keys()], ['10.0.0.2']);
  const down = afterAnswers(within, new Map([[4, failed('servfail')]]), { ...limits, nowMs: 60_000 });
  const back = afterAnswers(down, new Map([[4, found(['10.0.0.2'])]]), { ...limits, nowMs: 61_000 });
  t.strictSame([...back.seenMs.keys()], ['10.0.0.1', '10.0.0.2'], 'time without DNS does not count');
});

function watchOf(families: readonly Family[] = [4]) {
  const clock = new FakeClock();
  let answer: LookupAnswer = found(['10.0.0.1']);
  const asked: [number, Family][] = [];
  const heard: NameAddresses[] = [];
  const watch = new NameWatch(
    {
      clock,
      random: () => 0,
      lookup: async (_name, family) => {
        asked.push([clock.now(), family]);
        return answer;
      },
      settings: () => ({ ...DEFAULT_RESOLVER, minTtlMs: 1000, maxTtlMs: 60_000 }),
      onLookup: (_before, after) => heard.push(after),
    },
    'app',
    new Set(families),
    NOTHING_KNOWN,
  );
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    watch,
    asked,
    heard,
    turn,
    say: (next: LookupAnswer): void => {
      answer = next;
    },
    /** Moves the clock in seconds, so that each lookup is over before the next is due. */
    pass: async (seconds: number): Promise<void> => {
      for (let i = 0; i < seconds * 2; i++) {
        clock.advance(500);
        await turn();
      }
    },
  };
}

t.test('it asks again when the TTL is over, within bounds, and sooner after failures', async (t) => {
  const { watch, asked, heard, turn, say, pass } = watchOf();
  watch.start();
  await turn();
  say(found(['10.0.0.1'], 0));
  await pass(10);
  t.strictSame(
    asked.map(([at]) => at),
    [0, 10_000],
    'the TTL of the first answer',
  );
  say(found(['10.0.0.1'], 86_400_000));
  await pass(1);
  t.strictSame(asked.at(-1)?.[0], 11_000, 'no sooner than min_ttl');
  say(failed('servfail'));
  await pass(60);
  t.strictSame(asked.at(-1)?.[0], 71_000, 'no later than max_ttl');
  const from = asked.length;
  await pass(65);
  t.strictSame(
    asked.slice(from).map(([at]) => at - 71_000),
    [1000, 3000, 7000, 15_000, 31_000, 61_000],
    'waits double up to half a minute',
  );
  t.strictSame([...heard.at(-1)!.seenMs.keys()], ['10.0.0.1'], 'and the address stays');
  t.equal(watch.counts.get('servfail'), 7);
  say(found(['10.0.0.9']));
  await pass(30);
  t.strictSame([...watch.current.seenMs.keys()], ['10.0.0.9'], 'until there is an answer');
  watch.stop();
  const last = asked.length;
  await pass(100);
  t.equal(asked.length, last, 'nothing is asked after the end');
});

t.test('other families are asked for at once', async (t) => {
  const { watch, asked, turn } = watchOf();
  watch.start();
  await turn();
  watch.setFamilies(new Set([4]));
  watch.setFamilies(new Set([4, 6]));
  await turn();
  t.strictSame(asked, [
    [0, 4],
    [0, 4],
    [0, 6],
  ]);
  watch.stop();
});
