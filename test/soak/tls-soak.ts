// npm run soak-tls -- [--handshakes N] [--addon FILE]
// Handshakes of the addon in one process, with aborted and mangled ones among them. Whether every session is given back once, and memory
// stays. For an addon that was built with checks (lb/tls/native/README.md): LD_PRELOAD=libasan.so node dist/test/soak/tls-soak.js --addon FILE
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadNativeAddon, type NativeAddon } from '../../lb/tls/native-addon.ts';
import { CertificateMaker } from '../fixtures/certificates.ts';
import { type Mangle, TlsPair } from '../fixtures/tls-pair.ts';

const { values } = parseArgs({
  options: { handshakes: { type: 'string', default: '1000000' }, addon: { type: 'string' } },
});
const count = Number(values.handshakes);
/** Of memory outside V8's heap in the second half. That heap takes a step of some 25 MiB at some time, and says nothing of sessions. */
const MOST_GROWTH_BYTES = 8 << 20;
const REPORTS = 10;

const random = ((seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
})(1);

function create(): NativeAddon {
  if (values.addon !== undefined) {
    return (createRequire(import.meta.url)(resolve(values.addon)) as { create(): NativeAddon }).create();
  }
  const loaded = loadNativeAddon();
  if (!loaded.ok) throw new Error(loaded.reason);
  return loaded.addon;
}

/** One in ten is cut, cut short, or changed. */
function someMangle(): Mangle | undefined {
  if (random() > 0.1) return undefined;
  const at = Math.floor(random() * 4);
  const how = random();
  return (flight, _from, index) => {
    if (index !== at) return flight;
    if (how < 0.3) return undefined;
    const place = Math.floor(random() * flight.length);
    if (how < 0.6) return flight.subarray(0, place);
    flight[place]! ^= 1 << Math.floor(random() * 8);
    return flight;
  };
}

const tls = new TlsPair(create, new CertificateMaker().leaf({ names: ['a.example'] }));
const outcomes = { full: 0, resumed: 0, early: 0, failed: 0, cut: 0 };
let settled = 0;
let growth = 0;
const slots = Array.from({ length: 16 }, () => tls.slot());
for (let i = 1; i <= count; i++) {
  const kind = random();
  const slot = slots[i % slots.length]!;
  const mangle = someMangle();
  const done = tls.exchange({
    ...(kind < 0.4 ? {} : { slot }),
    isEarly: kind > 0.8 && i > 100,
    ...(mangle === undefined ? {} : { mangle }),
  });
  if (done.hasFailed) outcomes.failed++;
  else if (!done.isSecured) outcomes.cut++;
  else if (done.wasEarly) outcomes.early++;
  else outcomes[done.isResumed ? 'resumed' : 'full']++;
  if (i % Math.ceil(count / REPORTS) === 0 || i === count) {
    const { rss, heapTotal } = process.memoryUsage();
    const native = rss - heapTotal;
    if (settled === 0 && i >= count / 2) settled = native;
    if (settled > 0) growth = Math.max(growth, native - settled);
    process.stdout.write(
      `${i}: ${JSON.stringify(outcomes)}, ${tls.open().sessions} open, ${(rss / 2 ** 20).toFixed(1)} MiB, ${(native / 2 ** 20).toFixed(1)} of them outside V8's heap\n`,
    );
  }
}
tls.close();
const left = tls.open();
const isFlat = growth < MOST_GROWTH_BYTES;
process.stdout.write(
  `sessions left ${left.sessions}, contexts left ${left.contexts}, memory ${isFlat ? 'flat' : 'grew'} (${(growth / 2 ** 20).toFixed(1)} MiB)\n`,
);
process.exit(left.sessions === 0 && left.contexts === 0 && isFlat ? 0 : 1);
