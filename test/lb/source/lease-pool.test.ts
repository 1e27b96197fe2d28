import { once } from 'node:events';
import net from 'node:net';
import fc from 'fast-check';
import t from 'tap';
import type { SourcePoolConfig } from '../../../config/config.ts';
import { LeasePool } from '../../../lb/source/lease-pool.ts';
import { cutIntoBlocks } from '../../../lb/source/port-block.ts';
import { FakeClock } from '../../fixtures/fake-clock.ts';

const QUARANTINE_MS = 1000;

function poolConfig(options: Partial<SourcePoolConfig> = {}): SourcePoolConfig {
  return {
    name: 'p',
    addresses: ['127.0.1.1', '127.0.1.2'],
    claim: false,
    interface: 'lo',
    ports: { low: 20_000, high: 20_019 },
    reservedPorts: 'avoid',
    strategy: 'most-free',
    exhaustion: { queue: 1, timeoutMs: 1, warnMs: 1 },
    ...options,
  };
}

function create(options: Partial<SourcePoolConfig> = {}, maxIdleDestinations = 100) {
  const clock = new FakeClock(5);
  const config = poolConfig(options);
  const asked: number[] = [];
  const pool = new LeasePool(
    { clock },
    { pool: config, quarantineMs: QUARANTINE_MS, onLow: (_, blocks) => asked.push(blocks), maxIdleDestinations },
  );
  const blocks = config.addresses.flatMap((address) =>
    cutIntoBlocks(config.ports.low, config.ports.high).map(({ first, last }) => ({
      pool: 'p',
      address,
      firstPort: first,
      lastPort: last,
    })),
  );
  /** Which port a lease is. */
  const name = (lease: number): string => `${pool.addressOf(lease)}:${pool.portOf(lease)}`;
  return { clock, pool, asked, blocks, name };
}

t.test('every port of every source is leased once, then none', async (t) => {
  const { pool, blocks } = create();
  pool.grant(blocks);
  const destination = pool.destination('127.0.0.1', 80);
  t.equal(pool.destination('127.0.0.1', 80), destination);
  const seen = new Set(
    Array.from({ length: 40 }, () => pool.lease(destination)).map(
      (lease) => `${pool.addressOf(lease)}:${pool.portOf(lease)}`,
    ),
  );
  t.equal(seen.size, 40);
  t.ok([...seen].every((name) => /^127\.0\.1\.[12]:200[01]\d$/.test(name)));
  t.equal(pool.lease(destination), -1);
  t.not(pool.lease(pool.destination('127.0.0.1', 81)), -1, 'another destination has all ports to itself');
});

t.test('a closed port rests for the time of the kernel, a reset one does not', async (t) => {
  const { pool, blocks, clock } = create({ addresses: ['127.0.1.1'], ports: { low: 20_000, high: 20_000 } });
  pool.grant(blocks);
  const destination = pool.destination('127.0.0.1', 80);
  let lease = pool.lease(destination);
  pool.release(destination, lease, 'closed');
  t.match(pool.counts(), [{ free: 0, used: 0, quarantined: 1, unusable: 0 }]);
  clock.advance(QUARANTINE_MS - 1);
  t.equal(pool.lease(destination), -1);
  clock.advance(1);
  for (const end of ['reset', 'unused', 'closed-by-peer'] as const) {
    lease = pool.lease(destination);
    t.equal(pool.portOf(lease), 20_000);
    pool.release(destination, lease, end);
  }
  lease = pool.lease(destination);
  t.equal(pool.portOf(lease), 20_000);
  for (const [i, asideMs] of [50, 1000, 60_000, 60_000].entries()) {
    pool.setAside(destination, lease);
    t.match(pool.counts(), [{ free: 0, used: 0, quarantined: 0, unusable: 1 }]);
    clock.advance(asideMs - 1);
    t.equal(pool.lease(destination), -1);
    clock.advance(1);
    lease = pool.lease(destination);
    t.equal(pool.portOf(lease), 20_000, `refused ${i + 1} times in a row, it is tried again after ${asideMs} ms`);
  }
  pool.release(destination, lease, 'reset');
  pool.setAside(destination, pool.lease(destination));
  clock.advance(50);
  t.equal(pool.portOf(pool.lease(destination)), 20_000, 'having been bound, it starts anew');
  t.same([pool.refused, pool.asides, pool.doubleReleases], [5, 5, 0]);
});

t.test('the port unused for longest goes first', async (t) => {
  const { pool, blocks } = create({ addresses: ['127.0.1.1'], ports: { low: 20_000, high: 20_002 } });
  pool.grant(blocks);
  const destination = pool.destination('127.0.0.1', 80);
  const lease = (): number => pool.lease(destination);
  const [a, b] = [lease(), lease()];
  pool.release(destination, b, 'reset');
  pool.release(destination, a, 'reset');
  t.same(
    [lease(), lease(), lease()].map((number) => pool.portOf(number)),
    [20_002, 20_001, 20_000],
  );
});

t.test('strategies', async (t) => {
  const spread = (strategy: SourcePoolConfig['strategy']): string[] => {
    const { pool, blocks } = create({ strategy });
    pool.grant(blocks);
    const busy = pool.destination('127.0.0.1', 80);
    // The first source has five ports less.
    const leases = Array.from({ length: 10 }, () => pool.lease(busy));
    for (const lease of leases) if (pool.addressOf(lease) === '127.0.1.2') pool.release(busy, lease, 'reset');
    return Array.from({ length: 6 }, () => pool.addressOf(pool.lease(busy)).slice(-1));
  };
  t.same(spread('most-free'), ['2', '2', '2', '2', '2', '1']);
  t.same(spread('round-robin'), ['1', '2', '1', '2', '1', '2']);
});

t.test('more blocks are asked for before the ports run out, and not again at once', async (t) => {
  const { pool, blocks, asked, clock } = create({ addresses: ['127.0.1.1'] });
  pool.grant(blocks);
  const destination = pool.destination('127.0.0.1', 80);
  for (let i = 0; i < 10; i++) pool.lease(destination);
  t.same(asked, []);
  pool.lease(destination);
  t.same(asked, [1], 'below half of so few');
  for (let i = 0; i < 9; i++) pool.lease(destination);
  t.same(asked, [1]);
  clock.advance(1000);
  t.equal(pool.lease(destination), -1);
  t.same(asked, [1, 1], 'unanswered, again after a second');
  pool.grant([]);
  clock.advance(999);
  t.equal(pool.lease(destination), -1);
  t.equal(asked.length, 2);
  clock.advance(1);
  t.equal(pool.lease(destination), -1);
  pool.grant([]);
  clock.advance(1999);
  t.equal(pool.lease(destination), -1);
  t.equal(asked.length, 3, 'after each no, twice as late');
  pool.grant([{ pool: 'p', address: '127.0.1.1', firstPort: 30_080, lastPort: 30_207 }]);
  t.equal(pool.portOf(pool.lease(destination)), 30_080, 'what is granted is used, also towards known destinations');
  for (let i = 0; i < 80; i++) pool.lease(destination);
  t.same(asked, [1, 1, 1, 2], 'a grant ends the wait; as much again is asked for');
});

t.test('an answer that comes at once serves the lease that asked', async (t) => {
  const { blocks } = create();
  const pool: LeasePool = new LeasePool(
    { clock: new FakeClock() },
    { pool: poolConfig(), quarantineMs: 0, onLow: () => pool.grant(blocks) },
  );
  t.not(pool.lease(pool.destination('127.0.0.1', 80)), -1);
});

t.test('a lease given back twice is counted, even when its port is leased again', async (t) => {
  const { pool, blocks } = create({ addresses: ['127.0.1.1'], ports: { low: 20_000, high: 20_000 } });
  pool.grant(blocks);
  const destination = pool.destination('127.0.0.1', 80);
  const first = pool.lease(destination);
  pool.release(destination, first, 'reset');
  const second = pool.lease(destination);
  pool.release(destination, first, 'reset');
  pool.setAside(destination, first);
  pool.release(pool.destination('127.0.0.1', 81), second, 'reset');
  for (const nonsense of [-1, 0, 2 ** 31 - 1]) pool.release(destination, nonsense, 'closed');
  t.equal(pool.doubleReleases, 6);
  t.match(pool.counts(), [
    { destination: '127.0.0.1:80', used: 1, free: 0 },
    { used: 0, free: 1 },
  ]);
});

t.test('a block granted twice, or of others, changes nothing', async (t) => {
  const { pool, blocks } = create({ addresses: ['127.0.1.1'] });
  const [block] = blocks as [(typeof blocks)[0]];
  pool.grant([block, block, { ...block, pool: 'q' }, { ...block, address: '127.0.9.9' }]);
  pool.destination('127.0.0.1', 80);
  t.match(pool.counts(), [{ free: 20 }]);
  pool.grant([{ ...block, firstPort: 20_200, lastPort: 20_399 }]);
  t.match(pool.counts(), [{ free: 220 }], 'a range that is no aligned block is cut into such');
});

t.test('idle blocks are given back, from the sources with most, and can come again', async (t) => {
  const { pool, blocks, clock } = create({ ports: { low: 20_096, high: 20_095 + 4 * 128 } });
  pool.grant(blocks.filter(({ address, firstPort }) => address === '127.0.1.1' || firstPort === 20_096));
  const destination = pool.destination('127.0.0.1', 80);
  const leases = Array.from({ length: 300 }, () => pool.lease(destination));
  t.same(pool.returnIdle(), [], 'all are needed');
  for (const lease of leases) pool.release(destination, lease, 'closed');
  t.same(pool.returnIdle(), [], 'and while the ports rest');
  clock.advance(2 * QUARANTINE_MS);
  t.same(
    pool.returnIdle().map(({ address, firstPort }) => `${address}:${firstPort}`),
    ['127.0.1.1:20480', '127.0.1.1:20352', '127.0.1.1:20224'],
  );
  t.match(pool.counts(), [{ free: 128 }, { free: 128 }]);
  const seen = new Set(Array.from({ length: 256 }, () => pool.lease(destination) & 0xffffff));
  t.equal(seen.size, 256);
  t.equal(pool.lease(destination), -1);
  pool.grant(blocks);
  t.match(pool.counts(), [{ free: 384 }, { free: 384 }]);
});

t.test('destinations idle for longest are forgotten, and made anew when they are used', async (t) => {
  const { pool, blocks } = create({}, 2);
  pool.grant(blocks);
  const all = Array.from({ length: 200 }, (_, i) => pool.destination('127.0.0.1', 1000 + i));
  const lease = pool.lease(all[0]!);
  t.not(lease, -1);
  pool.returnIdle();
  t.same(
    [...new Set(pool.counts().map(({ destination }) => destination))],
    [1198, 1199, 1000].map((port) => `127.0.0.1:${port}`),
  );
  t.equal(pool.destination('127.0.0.1', 1000), all[0], 'what is in use stays');
  const successor = pool.destination('127.0.0.1', 1001);
  const old = all[1]!;
  const names = new Set<number>();
  for (let i = 0; i < 20; i++) names.add(pool.lease(successor) & 0x1ffff).add(pool.lease(old) & 0x1ffff);
  t.equal(names.size, 40, 'two handles of one destination share its ports');
  t.equal(pool.lease(old), -1);
  pool.release(all[0]!, lease, 'reset');
  t.equal(pool.doubleReleases, 0);
});

t.test('addresses of one family do not serve the other', async (t) => {
  const { pool, blocks } = create({ addresses: ['127.0.1.1', '::1'] });
  pool.grant(blocks);
  const six = pool.destination('::1', 80);
  for (let i = 0; i < 20; i++) t.equal(pool.addressOf(pool.lease(six)), '::1');
  t.equal(pool.lease(six), -1);
});

interface Held {
  readonly to: number;
  readonly lease: number;
  readonly port: string;
}

t.test('whatever happens, no port is leased twice or too early, lost or invented', async () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant('lease' as const), to: fc.nat(4), count: fc.nat(20) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('release' as const),
        which: fc.nat(),
        count: fc.nat(20),
        end: fc.constantFrom('closed' as const, 'reset' as const, 'unused' as const, 'aside' as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('again' as const), which: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 70_000 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('grant' as const), which: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('return' as const) }) },
  );
  const blockOf = (port: string): string => port.replace(/:(\d+)$/, (_, digits) => `/${Number(digits) >> 7}`);
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200, size: 'max' }),
      fc.constantFrom('most-free' as const, 'round-robin' as const),
      (steps, strategy) => {
        const { pool, blocks, clock, name } = create({ strategy, ports: { low: 20_000, high: 20_500 } }, 2);
        const sizes = new Map(
          blocks.map((block) => [blockOf(`${block.address}:${block.firstPort}`), block.lastPort - block.firstPort + 1]),
        );
        const owned = new Set<string>();
        const grant = (block: (typeof blocks)[0]): void => {
          pool.grant([block]);
          owned.add(blockOf(`${block.address}:${block.firstPort}`));
        };
        grant(blocks[0]!);
        const destinations = [80, 81, 82, 83, 84].map((port) => pool.destination('127.0.0.1', port));
        const held: Held[] = [];
        const gone: Held[] = [];
        const inUse = new Set<string>();
        const rests = new Map<string, { readonly fromMs: number; readonly forMs: number }>();
        const refusals = new Map<string, number>();
        const key = (to: number, port: string): string => `${to} ${port}`;
        let doubles = 0;
        const lease = (to: number): void => {
          const number = pool.lease(destinations[to]!);
          if (number < 0) {
            // Then all are busy; those that rest may do so a little longer, to wake together.
            const late = [...rests].filter(
              ([entry, rest]) => entry.startsWith(`${to} `) && rest.fromMs + rest.forMs * (1 + 1 / 64) > clock.now(),
            );
            const busy = held.filter((entry) => entry.to === to).length + late.length;
            const all = [...owned].reduce((sum, block) => sum + sizes.get(block)!, 0);
            if (busy < all) throw new Error(`refused with ${busy} of ${all} busy`);
            return;
          }
          const port = name(number);
          const rest = rests.get(key(to, port));
          if (rest !== undefined && rest.fromMs + rest.forMs > clock.now()) throw new Error(`${port} still rests`);
          if (!owned.has(blockOf(port))) throw new Error(`${port} is not owned`);
          if (inUse.has(key(to, port))) throw new Error(`${port} is leased twice`);
          rests.delete(key(to, port));
          inUse.add(key(to, port));
          held.push({ to, lease: number, port });
        };
        for (const action of steps) {
          if (action.do === 'wait') clock.advance(action.ms);
          else if (action.do === 'grant') grant(blocks[action.which % blocks.length]!);
          else if (action.do === 'lease') for (let i = 0; i < action.count; i++) lease(action.to);
          else if (action.do === 'return') {
            for (const { address, firstPort } of pool.returnIdle()) {
              const block = blockOf(`${address}:${firstPort}`);
              if (!owned.delete(block)) throw new Error(`${block} was not owned`);
              if (held.some(({ port }) => blockOf(port) === block)) throw new Error(`${block} is in use`);
              for (const [entry, rest] of [...rests]) {
                if (blockOf(entry.split(' ')[1]!) !== block) continue;
                if (rest.fromMs + rest.forMs > clock.now()) throw new Error(`${block} rests`);
                rests.delete(entry);
              }
              for (const entry of refusals.keys()) if (blockOf(entry.split(' ')[1]!) === block) refusals.delete(entry);
            }
          } else if (action.do === 'again') {
            const entry = gone[action.which % Math.max(1, gone.length)];
            if (entry === undefined || held.some(({ to, lease }) => to === entry.to && lease === entry.lease)) continue;
            pool.release(destinations[entry.to]!, entry.lease, 'closed');
            doubles++;
          } else {
            for (let i = 0; i < action.count && held.length > 0; i++) {
              const [entry] = held.splice(action.which % held.length, 1) as [Held];
              const { to, port } = entry;
              gone.push(entry);
              inUse.delete(key(to, port));
              if (action.end === 'aside') pool.setAside(destinations[to]!, entry.lease);
              else pool.release(destinations[to]!, entry.lease, action.end);
              const before = refusals.get(key(to, port)) ?? 0;
              if (action.end === 'aside') refusals.set(key(to, port), before + 1);
              else refusals.delete(key(to, port));
              const asideMs = [50, 1000][before] ?? 60_000;
              const forMs = action.end === 'aside' ? asideMs : action.end === 'closed' ? QUARANTINE_MS : 0;
              if (forMs > 0) rests.set(key(to, port), { fromMs: clock.now(), forMs });
            }
          }
          const all = [...owned].reduce((sum, block) => sum + sizes.get(block)!, 0);
          const sums = new Map<string, number>();
          let used = 0;
          for (const count of pool.counts()) {
            used += count.used;
            const sum = count.free + count.used + count.quarantined + count.unusable;
            sums.set(count.destination, (sums.get(count.destination) ?? 0) + sum);
          }
          if ([...sums.values()].some((sum) => sum !== all)) throw new Error('the counts do not add up');
          if (used !== held.length) throw new Error(`${used} in use instead of ${held.length}`);
          if (pool.doubleReleases !== doubles)
            throw new Error('a double release was not noticed, or one that was none');
        }
        for (const { to, lease: number } of held) pool.release(destinations[to]!, number, 'closed');
        clock.advance(70_000);
        if (pool.counts().some(({ used, quarantined, unusable }) => used + quarantined + unusable > 0))
          throw new Error('a port stayed busy');
      },
    ),
    { numRuns: 300 },
  );
});

t.test('real sockets: a whole small range is open at once, rests when closed, and serves again', async (t) => {
  const accepted: net.Socket[] = [];
  const server = net.createServer((socket) => accepted.push(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const { pool, blocks, clock, name } = create({ addresses: ['127.0.1.1'], ports: { low: 23_000, high: 23_199 } });
  pool.grant(blocks);
  const destination = pool.destination('127.0.0.1', port);
  const openAll = async (): Promise<{ client: net.Socket; lease: number }[]> => {
    const opened: { client: net.Socket; lease: number }[] = [];
    for (let lease = pool.lease(destination); lease >= 0; lease = pool.lease(destination)) {
      const from = { localAddress: pool.addressOf(lease), localPort: pool.portOf(lease) };
      const client = net.connect({ port, host: '127.0.0.1', ...from }).resume();
      await once(client, 'connect');
      opened.push({ client, lease });
    }
    while (accepted.length < opened.length) await once(server, 'connection');
    const peers = new Set(accepted.map(({ remoteAddress, remotePort }) => `${remoteAddress}:${remotePort}`));
    t.same(peers, new Set(opened.map(({ lease }) => name(lease))));
    return opened;
  };
  const first = await openAll();
  t.equal(first.length, 200);
  // Half is closed from here, which leaves TIME_WAIT in the kernel, the other half by the server.
  for (const [i, { client, lease }] of first.entries()) {
    const isOurs = i % 2 === 0;
    const peer = accepted.find(({ remotePort }) => remotePort === pool.portOf(lease))!;
    const gone = [once(client, 'close'), once(peer, 'close')];
    (isOurs ? client : peer).end();
    await Promise.all(gone);
    pool.release(destination, lease, isOurs ? 'closed' : 'closed-by-peer');
  }
  accepted.length = 0;
  t.match(pool.counts(), [{ free: 100, quarantined: 100, used: 0 }]);
  clock.advance(2 * QUARANTINE_MS);
  const second = await openAll();
  t.equal(second.length, 200);
  for (const { client, lease } of second) {
    client.resetAndDestroy();
    pool.release(destination, lease, 'reset');
  }
  for (const socket of accepted) socket.destroy();
  server.close();
  t.match(pool.counts(), [{ free: 200, quarantined: 0, used: 0 }]);
});
