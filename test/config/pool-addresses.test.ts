import fc from 'fast-check';
import t from 'tap';
import { poolAddresses } from '../../config/pool-addresses.ts';

function read(...entries: string[]): { addresses: readonly string[]; faults: [number, string][] } {
  const faults: [number, string][] = [];
  const addresses = poolAddresses(entries, (index, message) => faults.push([index, message]));
  return { addresses, faults };
}

t.test('entries add up, in order, each address once', async (t) => {
  t.same(read('10.0.0.2', '10.0.0.0/30', '::1', '0:0::1'), { addresses: ['10.0.0.2', '10.0.0.1', '::1'], faults: [] });
});

t.test('the limit is for the pool, not for each entry', async (t) => {
  t.same(read('10.0.0.0/20', '10.0.16.1-10.0.16.2').faults, [], '4094 and 2');
  t.same(read('10.0.0.0/20', '10.0.0.0/20').faults, [], 'the same ones again');
  t.same(read('10.0.0.0/20', '10.0.16.1-10.0.16.3', '10.1.0.1').faults, [
    [1, 'with "10.0.16.1-10.0.16.3" the pool has more than 4096 addresses'],
  ]);
});

t.test('what no socket can connect from is refused', async (t) => {
  const refused = [
    '0.0.0.0',
    '0.1.2.3',
    '224.0.0.1',
    '239.255.255.255',
    '255.255.255.255',
    '::',
    'ff02::1',
    'fe80::1',
    'febf::1',
    '::ffff:10.0.0.1',
  ];
  for (const entry of refused) t.match(read(entry).faults, [[0, `cannot be connected from`]], entry);
  const taken = ['1.0.0.0', '127.0.0.1', '223.255.255.255', '240.0.0.1', '::1', 'fec0::1', 'fd00::1', '2001:db8::1'];
  for (const entry of taken) t.same(read(entry).faults, [], entry);
});

t.test('no text makes it throw', async () => {
  const piece = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.constantFrom('-', '/', '/24', '/112', ':', '.'));
  fc.assert(
    fc.property(fc.array(fc.array(piece, { maxLength: 4 })), (entries) => {
      read(...entries.map((pieces) => pieces.join('')));
    }),
  );
});
