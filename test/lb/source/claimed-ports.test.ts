import fc from 'fast-check';
import t from 'tap';
import type { PortBlock } from '../../../lb/control/messages.ts';
import { BlockLedger } from '../../../lb/source/block-ledger.ts';
import { LeasePool } from '../../../lb/source/lease-pool.ts';
import { FakeClock } from '../../fixtures/fake-clock.ts';

const LOW = 10_000;
const HIGH = 11_500;
const OWNERS = ['plane-1', 'plane-2', 'health'];

const create = (name = 'p') =>
  new BlockLedger(
    { clock: new FakeClock() },
    {
      pools: [{ name, sources: ['a', 'b'].map((address) => ({ address, ranges: [{ first: LOW, last: HIGH }] })) }],
      quarantineMs: 1000,
    },
  );

const ownersIn = (ledger: BlockLedger, pool = 'p'): unknown[] =>
  ['a', 'b'].map((address) => {
    const ownerOf = ledger.ownersOf(pool, address);
    return Array.from({ length: HIGH - LOW + 1 }, (_, i) => ownerOf(LOW + i) ?? '');
  });

/** A ledger after some life: blocks and parts of blocks at several owners. */
const lives = fc
  .array(fc.tuple(fc.nat(2), fc.constantFrom('block', 'ports', 'back'), fc.integer({ min: 1, max: 100 })), {
    maxLength: 60,
  })
  .map((steps) => {
    const ledger = create();
    for (const [who, what, count] of steps) {
      const owner = OWNERS[who]!;
      if (what === 'block') ledger.grant(owner, 'p', (count % 4) + 1);
      else if (what === 'ports') ledger.grantPorts(owner, 'p', count);
      else {
        const owned = ledger.ownedBy(owner);
        const run = owned[count % Math.max(1, owned.length)];
        if (run !== undefined)
          ledger.giveBack(owner, [{ ...run, lastPort: Math.max(run.firstPort, run.lastPort - 5) }]);
      }
    }
    return ledger;
  });

t.test('a new ledger that is told who has what is as the old one was', async () => {
  fc.assert(
    fc.property(lives, (before) => {
      const after = create();
      for (const owner of OWNERS) {
        const owned = before.ownedBy(owner);
        if (after.claim(owner, owned, 2).length !== owned.length) return false;
      }
      const isSame = JSON.stringify(ownersIn(after)) === JSON.stringify(ownersIn(before));
      // What nobody has can be granted, down to the last port, and none of the others.
      const free = after.freePorts('p');
      let granted = 0;
      for (;;) {
        const [run] = after.grantPorts('new', 'p', 128);
        if (run === undefined) break;
        granted += run.lastPort - run.firstPort + 1;
      }
      return isSame && free === before.freePorts('p') && granted === free;
    }),
  );
});

t.test('what somebody has already is not claimed a second time', async (t) => {
  const ledger = create();
  const run = { pool: 'p', address: 'a', firstPort: 10_112, lastPort: 10_150 };
  t.same(ledger.claim('x', [run]), [run]);
  t.same(ledger.claim('y', [run]), []);
  t.same(ledger.claim('y', [{ ...run, firstPort: 10_150, lastPort: 10_160 }]), []);
  t.same(ledger.claim('y', [{ ...run, address: 'not here' }]), []);
  t.same(ledger.claim('y', [{ ...run, firstPort: 1, lastPort: 5 }]), []);
  t.same(ledger.ownedBy('y'), []);
  t.equal(ledger.giveBack('x', [run]), 1);
  t.equal(ledger.freePorts('p'), 2 * (HIGH - LOW + 1), 'whole again');
});

t.test('a pool that has another name now has the same ports', async (t) => {
  const ledger = create('renamed');
  const run = { pool: 'p', address: 'b', firstPort: 10_112, lastPort: 10_239 };
  t.equal(ledger.claim('old', [run]).length, 1);
  t.equal(ledger.ownersOf('renamed', 'b')(10_200), 'old');
  t.equal(ledger.giveBack('old', [run]), 1);
  t.equal(ledger.ownersOf('renamed', 'b')(10_200), undefined);
});

t.test('a process tells exactly the ports that it was granted and has not given back', async () => {
  fc.assert(
    fc.property(lives, (ledger) => {
      const owned = ledger.ownedBy('plane-1');
      const pool = new LeasePool(
        { clock: new FakeClock() },
        {
          pool: {
            name: 'p',
            addresses: ['a', 'b'],
            claim: false,
            interface: 'lo',
            ports: { low: LOW, high: HIGH },
            reservedPorts: 'avoid',
            strategy: 'most-free',
            exhaustion: { queue: 0, timeoutMs: 1, warnMs: 1 },
          },
          quarantineMs: 0,
          onLow: () => {},
        },
      );
      if (owned.length > 0) pool.grant(owned);
      const kept = [...owned];
      for (const run of pool.spare(40)) cut(kept, run);
      return JSON.stringify(sorted(pool.owned)) === JSON.stringify(sorted(kept));
    }),
  );
});

function cut(runs: PortBlock[], { address, firstPort, lastPort }: PortBlock): void {
  const at = runs.findIndex((run) => run.address === address && run.firstPort <= firstPort && run.lastPort >= lastPort);
  const [run] = runs.splice(at, 1) as [PortBlock];
  if (run.firstPort < firstPort) runs.push({ ...run, lastPort: firstPort - 1 });
  if (run.lastPort > lastPort) runs.push({ ...run, firstPort: lastPort + 1 });
}

const sorted = (runs: readonly PortBlock[]): string[] =>
  runs.map(({ address, firstPort, lastPort }) => `${address} ${firstPort}-${lastPort}`).sort();
