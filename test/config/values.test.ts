import fc from 'fast-check';
import t from 'tap';
import { expandAddresses } from '../../config/address-range.ts';
import { parseDuration } from '../../config/duration.ts';
import { parseEndpoint } from '../../config/endpoint.ts';
import { parseServerAddress } from '../../config/server-address.ts';
import { serverId } from '../../config/server-id.ts';
import { parseSize } from '../../config/size.ts';
import { suggest } from '../../config/suggest.ts';

t.test('servers are addresses or names', async (t) => {
  t.same(parseServerAddress('App.Internal.:80'), { kind: 'name', name: 'app.internal', port: 80 });
  t.same(parseServerAddress('my_app-1:8080'), { kind: 'name', name: 'my_app-1', port: 8080 });
  t.same(parseServerAddress('localhost:1'), { kind: 'address', host: '127.0.0.1', port: 1 });
  t.same(parseServerAddress('[::1]:1'), { kind: 'address', host: '::1', port: 1 });
  const label = 'a'.repeat(63);
  t.equal(parseServerAddress(`${label}.${label}.${label}.${'a'.repeat(61)}:1`)?.kind, 'name');
  const bad = [
    '',
    ':',
    'app',
    'app:',
    'app:x',
    'app:65536',
    '-a:1',
    'a-:1',
    'a..b:1',
    '.a:1',
    '10.0.0.256:1',
    'a.0x1:1',
    'a b:1',
    'ä:1',
    '::1:1',
    `a${label}:1`,
    `${label}.${label}.${label}.${'a'.repeat(62)}:1`,
  ];
  for (const text of bad) t.equal(parseServerAddress(text), undefined, text);
  t.equal(serverId('APP.internal:80'), 'app.internal:80');
  t.equal(serverId('[2001:DB8:0::1]:80'), '[2001:db8::1]:80');
});

t.test('addresses', async (t) => {
  const expand = (text: string): readonly string[] | string => {
    const result = expandAddresses(text);
    return result.ok ? result.addresses : result.message;
  };
  t.same(expand('10.0.0.1'), ['10.0.0.1']);
  t.same(expand('127.0.1.254-127.0.2.1'), ['127.0.1.254', '127.0.1.255', '127.0.2.0', '127.0.2.1']);
  t.same(expand('10.0.0.5/30'), ['10.0.0.5', '10.0.0.6'], 'without network and broadcast address');
  t.same(expand('10.0.0.4/31'), ['10.0.0.4', '10.0.0.5']);
  t.same(expand('10.0.0.4/32'), ['10.0.0.4']);
  t.same(expand('2001:DB8:0:0::1'), ['2001:db8::1']);
  t.same(expand('2001:db8::fffe-2001:db8::1:1'), [
    '2001:db8::fffe',
    '2001:db8::ffff',
    '2001:db8::1:0',
    '2001:db8::1:1',
  ]);
  t.same(expand('::ffff:1.2.3.4'), ['::ffff:102:304']);
  t.same(expand('1:0:0:2:0:0:0:3/127'), ['1:0:0:2::2', '1:0:0:2::3']);
  t.equal(expand('::/112') as string, '"::/112" is more than 4096 addresses');
  for (const bad of [
    '',
    'x',
    '10.0.0.1-',
    '-10.0.0.1',
    '10.0.0.2-10.0.0.1',
    '10.0.0.1-::1',
    '10.0.0.0/33',
    '10.0.0.0/x',
    '10.0.0.0/8',
    'fe80::1%eth0',
    '010.0.0.1',
  ]) {
    t.type(expand(bad), 'string', bad);
  }
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const once = expand(address) as string[];
      return once.length === 1 && (expand(once[0]!) as string[])[0] === once[0];
    }),
  );
  fc.assert(
    fc.property(fc.ipV4(), fc.nat(4095), (first, more) => {
      const value = first.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) + more;
      if (value > 0xffffffff) return true;
      const last = [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
      const list = expand(`${first}-${last}`) as string[];
      return (
        list.length === more + 1 && new Set(list).size === list.length && list[0] === first && list.at(-1) === last
      );
    }),
    { numRuns: 30 },
  );
});

t.test('durations and sizes', async (t) => {
  t.same(['0', '250ms', '5s', '1.5m', '2h', '1d'].map(parseDuration), [0, 250, 5000, 90_000, 7_200_000, 86_400_000]);
  t.same(['', '5', '-1s', '1e3s', 's', '1 s', '1.s'].map(parseDuration), Array(7).fill(undefined));
  t.same(['512', '16k', '16KiB', '1MB', '2g', 'unlimited'].map(parseSize), [
    512,
    16_384,
    16_384,
    1 << 20,
    2 ** 31,
    Number.POSITIVE_INFINITY,
  ]);
  t.same(['', '-1', '1.5k', 'k', '1t'].map(parseSize), Array(5).fill(undefined));
});

t.test('endpoints', async (t) => {
  t.same(['10.0.0.5:80', '[::1]:80', ':80', '*:80', 'localhost:0'].map(parseEndpoint), [
    { host: '10.0.0.5', port: 80 },
    { host: '::1', port: 80 },
    { host: '0.0.0.0', port: 80 },
    { host: '0.0.0.0', port: 80 },
    { host: '127.0.0.1', port: 0 },
  ]);
  t.same(
    ['10.0.0.5', '::1:80', '10.0.0:80', 'a.example:80', '1.2.3.4:70000', '[1.2.3.4:80'].map(parseEndpoint),
    Array(6).fill(undefined),
  );
});

t.test('suggestions are close or none', async (t) => {
  const words = ['balance', 'backend', 'bind', 'http'];
  t.same(
    ['balanse', 'BACKEND', 'htp', 'bnid', 'zzzz', 'b'].map((word) => suggest(word, words)),
    ['balance', 'backend', 'http', 'bind', undefined, undefined],
  );
});
