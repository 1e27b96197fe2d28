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
    strategy: 'most-free',
    exhaustion: { queue: 1, timeoutMs: 1 },
    ...options,
  };
}

function create(options: Partial<SourcePoolConfig> = {}) {
  const clock = new FakeClock(5);
  const config = poolConfig(options);
  const asked: number[] = [];
  const pool = new LeasePool(
    { clock },
    { pool: config, quarantineMs: QUARANTINE_MS, onLow: (_, blocks) => asked.push(blocks) },
  );
  const blocks = config.addresses.flatMap((address) =>
    cutIntoBlocks(config.ports.low, config.ports.high).map(({ first, last }) => ({
      pool: 'p',
      address,
      firstPort: first,
      lastPort: last,
    })),
  );
  return { clock, pool, asked, blocks };
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
  const lease = pool.lease(destination);
  pool.release(destination, lease, 'closed');
  t.match(pool.counts(), [{ free: 0, used: 0, quarantined: 1, unusable: 0 }]);
  clock.advance(QUARANTINE_MS - 1);
  t.equal(pool.lease(destination), -1);
  clock.advance(1);
  t.equal(pool.lease(destination), lease);
  pool.release(destination, lease, 'reset');
  t.equal(pool.lease(destination), lease);
  pool.setAside(destination, lease);
  t.match(pool.counts(), [{ free: 0, used: 0, quarantined: 0, unusable: 1 }]);
  clock.advance(59_999);
  t.equal(pool.lease(destination), -1);
  clock.advance(1);
  t.equal(pool.lease(destination), lease, 'the port is tried again after a minute');
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
    // The first source has five ports less.
    const busy = pool.destination('127.0.0.1', 80);
    for (const map of [busy.maps[0]!]) for (let i = 0; i < 5; i++) map.take();
    return Array.from({ length: 6 }, () => pool.addressOf(pool.lease(busy)).slice(-1));
  };
  t.same(spread('most-free'), ['2', '2', '2', '2', '2', '1']);
  t.same(spread('round-robin'), ['1', '2', '1', '2', '1', '2']);
});

t.test('more blocks are asked for before the ports run out, and not again at once', async (t) => {
  const { pool, blocks, asked, clock } = create({ addresses: ['127.0.1.1'] });
  pool.grant(blocks);
  const destination = pool.destination('127.0.0.1', 80);
  for (let i = 0; i < 15; i++) pool.lease(destination);
  t.same(asked, []);
  pool.lease(destination);
  t.same(asked, [1], 'below a quarter');
  for (let i = 0; i < 10; i++) pool.lease(destination);
  t.same(asked, [1]);
  clock.advance(1000);
  t.equal(pool.lease(destination), -1);
  t.same(asked, [1, 1], 'and again after a second');
  pool.grant([{ pool: 'p', address: '127.0.1.1', firstPort: 30_080, lastPort: 30_207 }]);
  t.equal(pool.portOf(pool.lease(destination)), 30_080, 'what is granted is used, also towards known destinations');
});

t.test('addresses of one family do not serve the other', async (t) => {
  const { pool, blocks } = create({ addresses: ['127.0.1.1', '::1'] });
  pool.grant(blocks);
  const six = pool.destination('::1', 80);
  for (let i = 0; i < 20; i++) t.equal(pool.addressOf(pool.lease(six)), '::1');
  t.equal(pool.lease(six), -1);
});

t.test('whatever happens, no port is leased twice, lost or invented', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('lease' as const), to: fc.nat(2) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('release' as const),
        which: fc.nat(),
        end: fc.constantFrom('closed' as const, 'reset' as const, 'unused' as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('aside' as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('again' as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 70_000 }) }) },
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300 }),
      fc.constantFrom('most-free' as const, 'round-robin' as const),
      (steps, strategy) => {
        const { pool, blocks, clock } = create({ strategy });
        pool.grant(blocks);
        const destinations = [80, 81, 82].map((port) => pool.destination('127.0.0.1', port));
        const held: { to: number; lease: number }[] = [];
        const gone: { to: number; lease: number }[] = [];
        let doubles = 0;
        for (const action of steps) {
          if (action.do === 'wait') {
            clock.advance(action.ms);
          } else if (action.do === 'lease') {
            const lease = pool.lease(destinations[action.to]!);
            if (lease < 0) continue;
            if (held.some((other) => other.to === action.to && other.lease === lease)) return false;
            held.push({ to: action.to, lease });
          } else if (action.do === 'again') {
            const entry = gone[action.which % Math.max(1, gone.length)];
            if (entry === undefined || held.some((other) => other.to === entry.to && other.lease === entry.lease))
              continue;
            pool.release(destinations[entry.to]!, entry.lease, 'reset');
            doubles++;
          } else if (held.length > 0) {
            const [entry] = held.splice(action.which % held.length, 1) as [{ to: number; lease: number }];
            gone.push(entry);
            if (action.do === 'aside') pool.setAside(destinations[entry.to]!, entry.lease);
            else pool.release(destinations[entry.to]!, entry.lease, action.end);
          }
          const counts = pool.counts();
          const isBalanced = counts.every(
            ({ free, used, quarantined, unusable }) => free + used + quarantined + unusable === 20,
          );
          const used = counts.reduce((sum, count) => sum + count.used, 0);
          if (!isBalanced || used !== held.length || pool.doubleReleases !== doubles) return false;
        }
        return true;
      },
    ),
    { numRuns: 300 },
  );
});

t.test('real sockets: each leased pair can be bound, a whole small range is open at once', async (t) => {
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  const { pool, blocks } = create({ ports: { low: 23_000, high: 23_099 } });
  pool.grant(blocks);
  const destination = pool.destination('127.0.0.1', port);
  const clients: net.Socket[] = [];
  for (let lease = pool.lease(destination); lease >= 0; lease = pool.lease(destination)) {
    const client = net.connect({
      port,
      host: '127.0.0.1',
      localAddress: pool.addressOf(lease),
      localPort: pool.portOf(lease),
    });
    clients.push(client);
    await new Promise((resolve, reject) => client.once('connect', resolve).once('error', reject));
  }
  t.equal(clients.length, 200);
  while (sockets.length < 200) await new Promise((resolve) => setImmediate(resolve));
  t.equal(new Set(sockets.map(({ remoteAddress, remotePort }) => `${remoteAddress}:${remotePort}`)).size, 200);
  for (const socket of [...clients, ...sockets]) socket.destroy();
  server.close();
});
