import fc from 'fast-check';
import t from 'tap';
import type { PlaneCommand, SocketChunk } from '../../../lb/control/messages.ts';
import { createSocketBatch, type SocketBatch } from '../../../lb/netlink/socket-batch.ts';
import { BlockLedger } from '../../../lb/source/block-ledger.ts';
import { LeasePool } from '../../../lb/source/lease-pool.ts';
import { SocketAudit } from '../../../lb/source/socket-audit.ts';
import { SocketScan } from '../../../lb/source/socket-scan.ts';
import { FakeClock } from '../../fixtures/fake-clock.ts';

const SOURCE = '127.0.1.1';

function create() {
  const pool = new LeasePool(
    { clock: new FakeClock(1) },
    {
      pool: {
        name: 'p',
        addresses: [SOURCE],
        claim: false,
        interface: 'lo',
        ports: { low: 20_000, high: 20_099 },
        reservedPorts: 'avoid',
        strategy: 'most-free',
        exhaustion: { queue: 1, timeoutMs: 1, warnMs: 1 },
      },
      quarantineMs: 1000,
      onLow: () => {},
    },
  );
  pool.grant([{ pool: 'p', address: SOURCE, firstPort: 20_000, lastPort: 20_099 }]);
  return { pool, destination: pool.destination('127.0.0.1', 80), audit: new SocketAudit(pool) };
}

const chunk = (sockets: readonly (readonly [port: number, to: string])[], source = SOURCE): SocketChunk => ({
  sources: [source],
  destinations: sockets.map(([, to]) => to),
  source: Uint16Array.from(sockets, () => 0),
  destination: Uint32Array.from(sockets, (_, i) => i),
  port: Uint16Array.from(sockets, ([port]) => port),
});

const TO = '127.0.0.1:80';

t.test('a lease whose socket is not there twice in a row is given up, and only that', async (t) => {
  const { pool, destination, audit } = create();
  const leases = Array.from({ length: 5 }, () => pool.lease(destination));
  const ports = leases.map((lease) => pool.portOf(lease));
  const round = (present: readonly number[], isWhole = true) => {
    audit.begin();
    audit.look(chunk(present.map((port) => [port, TO] as const)));
    return audit.end(isWhole);
  };
  t.equal(round(ports.slice(1)), undefined);
  t.same(audit.drift, { lost: 0, foreign: 0 }, 'it may have been opened meanwhile');
  round(ports);
  round(ports.slice(1));
  t.same(audit.drift, { lost: 0, foreign: 0 }, 'it was seen in between');
  round(ports.slice(1), false);
  t.same(audit.drift, { lost: 0, foreign: 0 }, 'a list with holes proves nothing');
  round(ports.slice(1));
  t.same(audit.drift, { lost: 1, foreign: 0 });
  t.match(pool.counts(), [{ used: 4, free: 96 }]);
  pool.release(destination, leases[0]!, 'reset');
  t.equal(pool.doubleReleases, 1);
  for (const lease of leases.slice(1)) pool.release(destination, lease, 'reset');
  t.equal(pool.doubleReleases, 1, 'the marks of audits do not hide whose lease it is');
  t.match(pool.counts(), [{ used: 0, free: 100 }]);
});

t.test('a port that somebody else holds twice in a row is to be avoided, until it is let go', async (t) => {
  const { pool, destination, audit } = create();
  const lease = pool.lease(destination);
  const round = (...sockets: (readonly [number, string])[]) => {
    audit.begin();
    audit.look(chunk([[pool.portOf(lease), TO], ...sockets]));
    return audit.end(true);
  };
  t.equal(round([20_050, '10.0.0.1:5']), undefined);
  t.same(round([20_050, '10.0.0.1:5']), new Map([[SOURCE, new Set([20_050])]]));
  t.equal(round([20_050, TO]), undefined, 'wherever it leads');
  t.same(audit.drift, { lost: 0, foreign: 1 });
  t.same(round(), new Map());
  t.equal(round([20_050, TO]), undefined);
  pool.release(destination, lease, 'closed');
  t.equal(round(), undefined, 'a port that rests was ours');
  t.equal(round(), undefined);
  t.same(audit.drift, { lost: 0, foreign: 1 });
});

t.test('no audit takes a lease that has its socket, whatever happens in between', async () => {
  const step = fc.record({
    do: fc.constantFrom('open', 'close', 'audit', 'audit'),
    count: fc.nat(10),
    late: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const { pool, destination, audit } = create();
      const open: number[] = [];
      for (const { do: action, count, late } of steps) {
        if (action === 'open') {
          for (let i = 0; i < count; i++) {
            const lease = pool.lease(destination);
            if (lease >= 0) open.push(lease);
          }
        } else if (action === 'close') {
          for (const lease of open.splice(0, count)) pool.release(destination, lease, 'reset');
        } else {
          // The list is from a moment ago: some have been opened and closed since.
          const listed = open.map((lease) => pool.portOf(lease));
          audit.begin();
          for (const lease of open.splice(0, late)) pool.release(destination, lease, 'reset');
          for (let i = 0; i < late; i++) {
            const lease = pool.lease(destination);
            if (lease >= 0) open.push(lease);
          }
          audit.look(chunk(listed.map((port) => [port, TO] as const)));
          audit.end(true);
        }
        const used = pool.counts().reduce((sum, counts) => sum + counts.used, 0);
        if (used !== open.length) return false;
      }
      return audit.drift.lost === 0 && pool.doubleReleases === 0;
    }),
    { numRuns: 200 },
  );
});

function batchOf(entries: readonly { source: number; port: number; to: number; inode?: number }[]): SocketBatch {
  const batch = createSocketBatch(Math.max(1, entries.length));
  entries.forEach(({ source, port, to, inode = 1 }, i) => {
    batch.source[i] = source;
    batch.localPort[i] = port;
    batch.remotePort[i] = to;
    batch.remote.set([127, 0, 0, 1], i * 16);
    batch.family[i] = 4;
    batch.inode[i] = inode;
  });
  batch.count = entries.length;
  return batch;
}

t.test('a scan tells owners of the sockets on their ports, and everyone which ports others hold', async (t) => {
  const clock = new FakeClock(1);
  const ledger = new BlockLedger(
    { clock },
    {
      pools: [{ name: 'p', sources: [{ address: SOURCE, ranges: [{ first: 20_096, last: 20_479 }] }] }],
      quarantineMs: 0,
    },
  );
  ledger.grant('plane-1', 'p', 1);
  ledger.grant('plane-2', 'p', 1);
  const sent: [string, PlaneCommand][] = [];
  let connected = batchOf([]);
  let error: Error | undefined;
  const scan = new SocketScan({
    clock,
    ledger,
    send: (owner, command) => sent.push([owner, command]),
    broadcast: (command) => sent.push(['*', command]),
    reserved: () => [{ low: 20_470, high: 21_000 }],
    sources: () => [{ pool: 'p', address: SOURCE }],
    onError: (found) => {
      error = found;
    },
    dump: {
      dump: async ({ states }, onBatch) => {
        if (error !== undefined) throw error;
        const listening = {
          ...batchOf([
            { source: 0, port: 20_400, to: 0 },
            { source: 1, port: 20_401, to: 0 },
            { source: 0, port: 80, to: 0 },
          ]),
        };
        listening.state.fill(10);
        onBatch(states === 1 << 10 ? listening : connected);
        return { sockets: 0, isComplete: true };
      },
    },
  });
  connected = batchOf([
    { source: 0, port: 20_100, to: 80 },
    { source: 0, port: 20_101, to: 80, inode: 0 },
    { source: 0, port: 20_230, to: 80 },
    { source: 0, port: 20_360, to: 80 },
    { source: 0, port: 30_000, to: 80 },
    { source: 65_535, port: 20_100, to: 80 },
  ]);
  await scan.start();
  const audits = sent.filter(([, { type }]) => type === 'audit');
  t.same(
    audits.map(([owner, command]) => [
      owner,
      command.type === 'audit' && [...command.chunk.port],
      command.type === 'audit' && command.chunk.destinations,
    ]),
    [
      ['plane-1', [20_100], ['127.0.0.1:80']],
      ['plane-2', [20_230], ['127.0.0.1:80']],
    ],
  );
  t.same(sent[0], ['*', { type: 'audit-begin', pool: 'p' }]);
  t.ok(sent.some(([owner, command]) => owner === '*' && command.type === 'audit-end' && command.isWhole));
  const expected = [20_360, 20_400, 20_401, ...Array.from({ length: 10 }, (_, i) => 20_470 + i)];
  t.same(
    scan.avoided.map(({ pool, address, ports }) => [pool, address, [...ports]]),
    [['p', SOURCE, expected]],
  );
  t.equal(sent.filter(([, { type }]) => type === 'avoid').length, 1);
  clock.advance(10_000);
  await new Promise(setImmediate);
  t.equal(sent.filter(([, { type }]) => type === 'avoid').length, 1, 'nothing new, nothing said');
  t.equal(sent.filter(([, { type }]) => type === 'audit').length, 4);
  error = new Error('no');
  await scan.scan();
  t.equal(sent.filter(([, { type }]) => type === 'audit').length, 4);
  scan.stop();
});
