import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../../../lb/clock.ts';
import { LeasePool } from '../../../lb/source/lease-pool.ts';
import { summarize } from '../statistics.ts';

// What a lease and its release cost, in time and memory: node dist/test/bench/leases/main.js

const BATCH = 1000;
const BATCHES = 2000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function createPool(sources: number, strategy: 'most-free' | 'round-robin'): LeasePool {
  const addresses = Array.from({ length: sources }, (_, i) => `127.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`);
  const pool = new LeasePool(
    { clock: systemClock },
    {
      pool: {
        name: 'p',
        addresses,
        claim: false,
        interface: 'lo',
        ports: { low: 1024, high: 65_535 },
        reservedPorts: 'avoid',
        strategy,
        exhaustion: { queue: 1, timeoutMs: 1, warnMs: 1 },
      },
      quarantineMs: 1000,
      onLow: () => {},
    },
  );
  for (const address of addresses) pool.grant([{ pool: 'p', address, firstPort: 1024, lastPort: 65_535 }]);
  return pool;
}

function timed(run: () => void): number {
  const start = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - start) / BATCH;
}

/** Nanoseconds, medians over the batches. */
function measure(sources: number, strategy: 'most-free' | 'round-robin', held: number) {
  const pool = createPool(sources, strategy);
  const destination = pool.destination('127.0.0.1', 80);
  for (let i = 0; i < held; i++) pool.lease(destination);
  const leases = new Int32Array(BATCH);
  const lease: number[] = [];
  const release: number[] = [];
  const round = (): void => {
    lease.push(
      timed(() => {
        for (let i = 0; i < BATCH; i++) leases[i] = pool.lease(destination);
      }),
    );
    release.push(
      timed(() => {
        for (let i = 0; i < BATCH; i++) pool.release(destination, leases[i]!, 'closed-by-peer');
      }),
    );
  };
  for (let i = 0; i < BATCHES; i++) round();
  lease.length = 0;
  release.length = 0;
  for (let i = 0; i < BATCHES; i++) round();
  // Once more without the clock, which allocates: what the heap grows by is the leases' own.
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let k = 0; k < BATCHES; k++) {
    for (let i = 0; i < BATCH; i++) leases[i] = pool.lease(destination);
    for (let i = 0; i < BATCH; i++) pool.release(destination, leases[i]!, 'closed-by-peer');
  }
  const bytes = (process.memoryUsage().heapUsed - before) / (BATCH * BATCHES);
  return { leaseNs: summarize(lease).median, releaseNs: summarize(release).median, bytes };
}

/** Heap and buffers together for each port that has been leased towards one destination. */
function bytesPerPort(sources: number, destinations: number, portsEach: number): number {
  const pool = createPool(sources, 'most-free');
  const memory = (): number => {
    for (let i = 0; i < 3; i++) collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = memory();
  for (let k = 0; k < destinations; k++) {
    const destination = pool.destination('127.0.0.1', 1024 + k);
    for (let i = 0; i < portsEach; i++) pool.lease(destination);
  }
  const grown = memory() - before;
  // Keeps the pool alive until here.
  if (pool.refused > 0) throw new Error('ports ran out');
  return grown / (destinations * portsEach);
}

process.stdout.write(
  '| sources | strategy | ports held | lease, ns | release, ns | bytes allocated for each pair |\n| --- | --- | --- | --- | --- | --- |\n',
);
for (const [sources, strategy, held] of [
  [1, 'most-free', 0],
  [4, 'most-free', 100_000],
  [4, 'round-robin', 100_000],
  [100, 'most-free', 100_000],
  [1000, 'most-free', 100_000],
  [1000, 'round-robin', 100_000],
] as const) {
  const { leaseNs, releaseNs, bytes } = measure(sources, strategy, held);
  process.stdout.write(
    `| ${sources} | ${strategy} | ${held} | ${leaseNs.toFixed(0)} | ${releaseNs.toFixed(0)} | ${bytes.toFixed(2)} |\n`,
  );
}
process.stdout.write(
  '\n| sources | destinations | ports leased towards each | bytes for each leased port |\n| --- | --- | --- | --- |\n',
);
for (const [sources, destinations, ports] of [
  [4, 1, 200_000],
  [4, 20, 50_000],
  [4, 2000, 500],
  [100, 10, 50_000],
] as const) {
  process.stdout.write(
    `| ${sources} | ${destinations} | ${ports} | ${bytesPerPort(sources, destinations, ports).toFixed(1)} |\n`,
  );
}
