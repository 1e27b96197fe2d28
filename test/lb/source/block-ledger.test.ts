import fc from 'fast-check';
import t from 'tap';
import type { PortBlock } from '../../../lb/control/messages.ts';
import { BlockLedger, type PoolSources } from '../../../lb/source/block-ledger.ts';
import { cutIntoBlocks } from '../../../lb/source/port-block.ts';
import { FakeClock } from '../../fixtures/fake-clock.ts';

const pool = (addresses: string[], low: number, high: number, name = 'p'): PoolSources => ({
  name,
  sources: addresses.map((address) => ({ address, ranges: [{ first: low, last: high }] })),
});

const ports = (blocks: readonly PortBlock[]): number =>
  blocks.reduce((sum, { firstPort, lastPort }) => sum + lastPort - firstPort + 1, 0);

t.test('an address has 504 blocks from 1024 on; a range is cut at its ends', async (t) => {
  t.equal(cutIntoBlocks(1024, 65_535).length, 504);
  t.same(
    cutIntoBlocks(1000, 1300).map(({ first, last }) => [first, last]),
    [
      [1000, 1023],
      [1024, 1151],
      [1152, 1279],
      [1280, 1300],
    ],
  );
  t.same(
    cutIntoBlocks(5, 5).map(({ first, last }) => [first, last]),
    [[5, 5]],
  );
});

t.test('blocks come evenly from the sources', async (t) => {
  const ledger = new BlockLedger(
    { clock: new FakeClock() },
    { pools: [pool(['a', 'b', 'c'], 1024, 65_535)], quarantineMs: 0 },
  );
  t.same(
    ledger.grant('x', 'p', 5).map(({ address, firstPort }) => [address, firstPort]),
    [
      ['a', 1024],
      ['b', 1024],
      ['c', 1024],
      ['a', 1152],
      ['b', 1152],
    ],
  );
  t.same(ledger.grant('x', 'unknown', 5), []);
});

t.test('a small range is used to its last port by 1, 2 and 4 planes', async (t) => {
  for (const planes of [1, 2, 4]) {
    const ledger = new BlockLedger(
      { clock: new FakeClock() },
      { pools: [pool(['a'], 10_000, 10_999)], quarantineMs: 0 },
    );
    let sum = 0;
    for (let i = 0; i < planes; i++) {
      const share = ports(ledger.initialShare(`plane-${i}`, planes));
      t.ok(share > 0, `plane ${i + 1} of ${planes} starts with ${share} ports`);
      sum += share;
    }
    for (let i = 0, given = 1; given > 0; i = (i + 1) % planes) {
      given = ports(ledger.grant(`plane-${i}`, 'p', 1));
      sum += given;
    }
    t.equal(sum, 1000);
  }
});

t.test('the blocks of a dead owner rest, then go to others', async (t) => {
  const clock = new FakeClock();
  const ledger = new BlockLedger({ clock }, { pools: [pool(['a'], 1024, 1279)], quarantineMs: 60_000 });
  t.equal(ledger.grant('x', 'p', 9).length, 2);
  ledger.ownerDied('x');
  t.same(ledger.ownedBy('x'), []);
  clock.advance(59_999);
  t.same(ledger.grant('y', 'p', 9), []);
  clock.advance(1);
  t.equal(ledger.grant('y', 'p', 9).length, 2);
});

t.test('counts tell who has what', async (t) => {
  const clock = new FakeClock();
  const ledger = new BlockLedger({ clock }, { pools: [pool(['a', 'b'], 1024, 1407)], quarantineMs: 10 });
  ledger.grant('x', 'p', 3);
  ledger.grant('y', 'p', 1);
  ledger.ownerDied('y');
  t.same(ledger.counts(), [
    { pool: 'p', address: 'a', ports: 384, free: 1, resting: 0, owners: [{ owner: 'x', blocks: 2 }] },
    { pool: 'p', address: 'b', ports: 384, free: 1, resting: 1, owners: [{ owner: 'x', blocks: 1 }] },
  ]);
  clock.advance(10);
  t.match(ledger.counts()[1], { free: 2, resting: 0 });
});

t.test(
  'single blocks, too, come from one source after the other, and an owner gets what it has least of',
  async (t) => {
    const ledger = new BlockLedger(
      { clock: new FakeClock() },
      { pools: [pool(['a', 'b', 'c'], 1024, 65_535)], quarantineMs: 0 },
    );
    const from = (owner: string, count: number): string[] =>
      ledger.grant(owner, 'p', count).map(({ address }) => address);
    t.same([from('x', 1), from('y', 1), from('x', 1), from('x', 1)].flat(), ['a', 'b', 'c', 'b']);
    t.same(from('y', 2), ['c', 'a']);
  },
);

t.test('blocks that are given back go to others at once, the one unused for longest first', async (t) => {
  const ledger = new BlockLedger(
    { clock: new FakeClock() },
    { pools: [pool(['a'], 1024, 1407)], quarantineMs: 60_000 },
  );
  const blocks = ledger.grant('x', 'p', 9);
  t.equal(ledger.giveBack('y', blocks), 0, 'not its own');
  t.equal(ledger.giveBack('x', [{ ...blocks[0]!, lastPort: 1200 }]), 0, 'more than one block');
  t.equal(ledger.giveBack('x', [{ ...blocks[0]!, firstPort: 1000 }]), 0, 'not of the range');
  t.equal(ledger.giveBack('x', [{ ...blocks[0]!, address: 'b' }]), 0);
  t.equal(ledger.giveBack('x', [blocks[2]!, blocks[0]!]), 2);
  t.equal(ledger.giveBack('x', [blocks[0]!]), 0, 'only once');
  t.same(ledger.ownedBy('x'), [blocks[1]]);
  t.same(ledger.grant('y', 'p', 9), [blocks[2], blocks[0]]);
});

t.test('a plane that asks for all leaves one block for each that has yet to start', async (t) => {
  const ledger = new BlockLedger({ clock: new FakeClock() }, { pools: [pool(['a'], 1024, 2047)], quarantineMs: 0 });
  ledger.grant('health', 'p', 1);
  t.equal(ledger.initialShare('one', 4).length, 1);
  t.equal(ledger.grant('one', 'p', 99).length, 3);
  t.equal(ledger.grant('health', 'p', 99).length, 0);
  for (const plane of ['two', 'three', 'four']) t.equal(ledger.initialShare(plane, 4).length, 1, plane);
  t.same(ledger.initialShare('four', 4), [], 'nothing is left, not even what others own');
  ledger.ownerDied('two');
  t.equal(ledger.grant('one', 'p', 99).length, 0, 'its block waits for it');
  t.equal(ledger.initialShare('two', 4).length, 1);
});

t.test('a share is bounded in a large pool', async (t) => {
  const ledger = new BlockLedger(
    { clock: new FakeClock() },
    { pools: [pool(['a', 'b'], 1024, 65_535), pool(['c'], 1024, 2047, 'q')], quarantineMs: 0 },
  );
  t.same(
    ledger.initialShare('x', 2).map(({ pool, address }) => `${pool} ${address}`),
    [...Array(8).fill(['p a', 'p b']).flat(), 'q c', 'q c'],
  );
  t.same(
    ledger.initialShare('y', 2, ['q']).map(({ pool }) => pool),
    ['q', 'q'],
    'nothing of pools that it does not use',
  );
});

t.test('no block ever has two owners, and none is lost', async () => {
  const step = fc.record({
    owner: fc.constantFrom('a', 'b', 'c'),
    do: fc.constantFrom('grant', 'share', 'die', 'give back', 'wait'),
    count: fc.nat(6),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const clock = new FakeClock();
      const ledger = new BlockLedger({ clock }, { pools: [pool(['s1', 's2'], 1000, 3000)], quarantineMs: 10 });
      const name = ({ address, firstPort }: PortBlock): string => `${address}:${firstPort}`;
      const ownedByModel = new Map<string, string>();
      const restsUntil = new Map<string, number>();
      for (const { owner, do: action, count } of steps) {
        if (action === 'grant' || action === 'share') {
          const blocks = action === 'grant' ? ledger.grant(owner, 'p', count) : ledger.initialShare(owner, 3);
          for (const block of blocks.map(name)) {
            if (ownedByModel.has(block) || (restsUntil.get(block) ?? 0) > clock.now()) return false;
            ownedByModel.set(block, owner);
          }
        } else if (action === 'die') {
          ledger.ownerDied(owner);
          for (const [block, holder] of [...ownedByModel]) {
            if (holder !== owner) continue;
            ownedByModel.delete(block);
            restsUntil.set(block, clock.now() + 10);
          }
        } else if (action === 'give back') {
          const blocks = ledger.ownedBy(owner).slice(0, count);
          if (ledger.giveBack(owner, blocks) !== blocks.length) return false;
          for (const block of blocks) ownedByModel.delete(name(block));
        } else clock.advance(count);
        const owned = ['a', 'b', 'c'].flatMap((holder) =>
          ledger.ownedBy(holder).map((block) => `${name(block)} ${holder}`),
        );
        const expected = [...ownedByModel].map(([block, holder]) => `${block} ${holder}`);
        if (owned.sort().join() !== expected.sort().join()) return false;
      }
      clock.advance(10);
      const all = ['a', 'b', 'c'].flatMap((holder) => ledger.ownedBy(holder));
      return ports(all) + ports(ledger.grant('rest', 'p', 1000)) === 2 * 2001;
    }),
    { numRuns: 300 },
  );
});
