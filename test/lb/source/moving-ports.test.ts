import fc from 'fast-check';
import t from 'tap';
import type { PortBlock } from '../../../lb/control/messages.ts';
import { LeasePool } from '../../../lb/source/lease-pool.ts';
import { FakeClock } from '../../fixtures/fake-clock.ts';

const QUARANTINE_MS = 64;
const ADDRESSES = ['127.0.1.1', '127.0.1.2', '127.0.1.3'];
const LOW = 20_000;
const HIGH = 20_300;

function create(addresses = ADDRESSES, strategy: 'most-free' | 'round-robin' = 'most-free') {
  const clock = new FakeClock(1);
  const pool = new LeasePool(
    { clock },
    {
      pool: {
        name: 'p',
        addresses,
        claim: false,
        interface: 'lo',
        ports: { low: LOW, high: HIGH },
        reservedPorts: 'avoid',
        strategy,
        exhaustion: { queue: 1, timeoutMs: 1, warnMs: 1 },
      },
      quarantineMs: QUARANTINE_MS,
      onLow: () => {},
    },
  );
  const grant = (address: string, firstPort: number, lastPort: number): void =>
    pool.grant([{ pool: 'p', address, firstPort, lastPort }]);
  return { clock, pool, grant };
}

const portsOf = (runs: readonly PortBlock[]): string[] =>
  runs.flatMap(({ address, firstPort, lastPort }) =>
    Array.from({ length: lastPort - firstPort + 1 }, (_, i) => `${address}:${firstPort + i}`),
  );

const step = fc.record({
  do: fc.constantFrom(
    'lease',
    'lease',
    'lease',
    'release',
    'release',
    'grant',
    'spare',
    'avoid',
    'block',
    'return',
    'wait',
    'leave',
  ),
  source: fc.nat(ADDRESSES.length - 1),
  to: fc.nat(2),
  port: fc.integer({ min: LOW, max: HIGH }),
  count: fc.integer({ min: 1, max: 60 }),
});

t.test(
  'ports that come and go one by one: none is leased that is not ours, held by others, or blocked; all others are',
  async () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120, size: 'max' }),
        fc.constantFrom('most-free' as const, 'round-robin' as const),
        (steps, strategy) => {
          const { clock, pool, grant } = create(ADDRESSES, strategy);
          const destinations = [80, 81, 82].map((port) => pool.destination('127.0.0.1', port));
          const owned = new Set<string>();
          const avoided = new Map<string, Set<number>>();
          const blocked = new Set<string>();
          const held: { to: number; lease: number; port: string }[] = [];
          const resting = [new Set<string>(), new Set<string>(), new Set<string>()];
          const addressOf = (port: string): string => port.split(':')[0]!;
          const isAvoided = (port: string): boolean =>
            avoided.get(addressOf(port))?.has(Number(port.split(':')[1])) === true;
          const isBusy = (to: number, port: string): boolean =>
            resting[to]!.has(port) || held.some((entry) => entry.to === to && entry.port === port);
          const free = (to: number, address: string): number =>
            [...owned].filter((port) => addressOf(port) === address && !isAvoided(port) && !isBusy(to, port)).length;
          const giveUp = (runs: readonly PortBlock[]): void => {
            for (const port of portsOf(runs)) {
              if (!owned.delete(port)) throw new Error(`${port} was given back and not ours`);
              if ([0, 1, 2].some((to) => isBusy(to, port))) throw new Error(`${port} was given back and is busy`);
            }
          };
          for (const { do: action, source, to, port, count } of steps) {
            const address = ADDRESSES[source]!;
            if (action === 'lease') {
              for (let i = 0; i < count; i++) {
                const open = ADDRESSES.filter((each) => !blocked.has(each));
                const expected = open.reduce((sum, each) => sum + free(to, each), 0);
                const lease = pool.lease(destinations[to]!);
                if (lease < 0 !== (expected === 0)) throw new Error(`lease ${lease} with ${expected} free`);
                if (lease < 0) break;
                const name = `${pool.addressOf(lease)}:${pool.portOf(lease)}`;
                if (!owned.has(name) || isAvoided(name) || isBusy(to, name) || blocked.has(addressOf(name)))
                  throw new Error(`${name} must not be leased`);
                held.push({ to, lease, port: name });
              }
            } else if (action === 'release') {
              for (const entry of held.splice(0, count)) {
                const rests = entry.lease % 3 === 0;
                pool.release(destinations[entry.to]!, entry.lease, rests ? 'closed' : 'reset');
                if (rests) resting[entry.to]!.add(entry.port);
              }
            } else if (action === 'grant') {
              const last = Math.min(HIGH, port + count);
              grant(address, port, last);
              for (const name of portsOf([{ pool: 'p', address, firstPort: port, lastPort: last }])) owned.add(name);
            } else if (action === 'spare') {
              const before = owned.size;
              giveUp(pool.spare(count));
              if (before - owned.size > count) throw new Error('more was given than asked for');
            } else if (action === 'avoid') {
              const ports = Array.from({ length: count }, (_, i) => port + i * 2);
              avoided.set(address, new Set(ports));
              pool.avoid(address, ports);
            } else if (action === 'block') {
              const isBlocked = !blocked.delete(address);
              if (isBlocked) blocked.add(address);
              pool.setBlocked(address, isBlocked);
            } else if (action === 'return') giveUp(pool.returnIdle());
            else if (action === 'leave') {
              giveUp(pool.returnIdle((each) => each === address));
              const left = [...owned].filter((name) => addressOf(name) === address);
              if (blocked.has(address) && left.some((name) => [0, 1, 2].every((each) => !isBusy(each, name))))
                throw new Error('an idle port of a source that leaves was kept');
            } else {
              clock.advance(2 * QUARANTINE_MS);
              for (const ports of resting) ports.clear();
            }
            for (const counts of pool.counts()) {
              const number = destinations.findIndex(({ name }) => name === counts.destination);
              const expected = blocked.has(counts.source) ? 0 : free(number, counts.source);
              if (counts.free !== expected)
                throw new Error(`${counts.free} free instead of ${expected} after ${action}`);
              const all = [...owned].filter((name) => addressOf(name) === counts.source).length;
              const { free: f, used, quarantined, unusable } = counts;
              if (f + used + quarantined + unusable !== all) throw new Error(`counts do not add up after ${action}`);
              const mine = held.filter((entry) => entry.to === number && addressOf(entry.port) === counts.source);
              if (used !== mine.length) throw new Error(`${used} used instead of ${mine.length}`);
            }
            if (pool.doubleReleases > 0) throw new Error('a release was taken for a second one');
          }
        },
      ),
      { numRuns: 400 },
    );
  },
);

t.test('how ports are used, by block', async (t) => {
  const { pool, grant } = create(['127.0.1.1']);
  grant('127.0.1.1', LOW, HIGH);
  const destination = pool.destination('127.0.0.1', 80);
  t.same(pool.portUse({}), [], 'nothing yet');
  const leases = Array.from({ length: 100 }, () => pool.lease(destination));
  pool.release(destination, leases[0]!, 'closed');
  pool.avoid('127.0.1.1', [LOW, HIGH, HIGH - 1]);
  const [use, ...more] = pool.portUse({ source: '127.0.1.1', destination: '127.0.0.1:80' });
  t.same(more, []);
  const blocks = (counts: Uint8Array): [number, number][] => [...counts.entries()].filter(([, count]) => count > 0);
  t.same(blocks(use!.used), [
    [LOW >> 7, 95],
    [(LOW >> 7) + 1, 4],
  ]);
  t.same(blocks(use!.quarantined), [[LOW >> 7, 1]]);
  t.same(blocks(use!.unusable), [
    [LOW >> 7, 1],
    [HIGH >> 7, 2],
  ]);
  t.same(pool.portUse({ source: '127.0.1.2' }), []);
  t.same(pool.portUse({ destination: '127.0.0.1:81' }), []);
});

t.test('an address that goes makes room for another', async (t) => {
  const { pool, grant } = create(['127.0.1.1']);
  const destination = pool.destination('127.0.0.1', 80);
  let added = 0;
  while (pool.addSource(`127.0.2.${added}`)) added++;
  t.ok(added >= 64);
  grant('127.0.2.0', LOW, LOW);
  const lease = pool.lease(destination);
  pool.removeSource('127.0.2.0');
  t.notOk(pool.addSource('127.0.3.1'), 'not while ports of it are owned');
  pool.setBlocked('127.0.2.0', true);
  pool.release(destination, lease, 'reset');
  t.same(pool.returnIdle((address) => address === '127.0.2.0').length, 1);
  pool.removeSource('127.0.2.0');
  t.ok(pool.addSource('::1'));
  grant('::1', LOW, LOW);
  t.equal(pool.lease(destination), -1);
  t.not(pool.lease(pool.destination('::1', 80)), -1);
});
