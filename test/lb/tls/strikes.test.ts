import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { loadNativeAddon, type NativeAddon } from '../../../lb/tls/native-addon.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const folder = temporaryFolder();
let made = 0;

function newFile(): string {
  const file = join(folder, `${made++}`);
  writeFileSync(file, '');
  return file;
}

function addon(): NativeAddon {
  const loaded = loadNativeAddon();
  if (!loaded.ok) throw new Error(loaded.reason);
  return loaded.addon;
}

t.test('a flight is the first once, for every process that has the register', async (t) => {
  const file = newFile();
  const [a, b] = [addon(), addon()];
  t.equal(a.isFirstStrike(randomBytes(32)), 0, 'without a register nothing is taken');
  t.equal(a.openStrikes(file, 1024, 30, 0), '');
  t.equal(b.openStrikes(file, 1024, 30, 0), '');
  const random = randomBytes(32);
  t.same([a.isFirstStrike(random), b.isFirstStrike(random), a.isFirstStrike(random)], [1, 0, 0]);
  t.equal(b.isFirstStrike(randomBytes(32)), 1);
});

t.test('a full register refuses', async (t) => {
  const strikes = addon();
  t.equal(strikes.openStrikes(newFile(), 1, 30, 0), '');
  const randoms = Array.from({ length: 12 }, () => randomBytes(32));
  t.same(
    randoms.map((random) => strikes.isFirstStrike(random)),
    [1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0],
  );
});

t.test('a register that is younger than the tickets refuses for as long as it would have remembered', async (t) => {
  const strikes = addon();
  t.equal(strikes.openStrikes(newFile(), 1024, 30, 30), '');
  t.equal(strikes.isFirstStrike(randomBytes(32)), 0);
});

t.test('what is no register is none', async (t) => {
  const strikes = addon();
  const file = newFile();
  t.equal(strikes.openStrikes(file, 1024, 30, 0), '');
  t.not(strikes.openStrikes(file, 2048, 30, 0), '', 'another layout');
  t.not(strikes.openStrikes(join(folder, 'none'), 1024, 30, 0), '');
  t.not(strikes.openStrikes(file, 1000, 30, 0), '', 'no power of two');
});

t.test('four at once: each flight is taken by one at most', async (t) => {
  const file = newFile();
  const COUNT = 20_000;
  const randoms = randomBytes(COUNT * 32);
  const work = `
    const { workerData, parentPort } = require('node:worker_threads');
    import(workerData.module).then(({ loadNativeAddon }) => {
      const { addon } = loadNativeAddon();
      addon.openStrikes(workerData.file, 4096, 30, 0);
      const firsts = new Uint8Array(workerData.count);
      for (let i = 0; i < firsts.length; i++) firsts[i] = addon.isFirstStrike(workerData.randoms.subarray(i * 32, i * 32 + 32));
      parentPort.postMessage(firsts);
    });`;
  const module = new URL('../../../lb/tls/native-addon.js', import.meta.url).href;
  const workerData = { module, file, count: COUNT, randoms };
  const all = await Promise.all(
    Array.from(
      { length: 4 },
      () =>
        new Promise<Uint8Array>((resolve, reject) => {
          const worker = new Worker(work, { eval: true, workerData });
          worker.on('message', resolve);
          worker.on('error', reject);
        }),
    ),
  );
  let most = 0;
  let taken = 0;
  for (let i = 0; i < COUNT; i++) {
    const times = all.reduce((sum, firsts) => sum + firsts[i]!, 0);
    most = Math.max(most, times);
    taken += times;
  }
  t.equal(most, 1);
  t.ok(taken > COUNT / 2, `${taken} of ${COUNT} were taken`);
});
