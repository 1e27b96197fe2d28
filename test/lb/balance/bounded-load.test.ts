import fc from 'fast-check';
import t from 'tap';
import { boundedLoad } from '../../../lb/balance/bounded-load.ts';
import { createPolicy } from '../../../lb/balance/create-policy.ts';
import { hash } from '../../../lb/balance/hash.ts';
import type { Candidate } from '../../../lb/balance/policy.ts';

interface Busy extends Candidate {
  active: number;
}
const busy = (id: string, weight = 1): Busy => ({ id, weight, fullWeight: weight, active: 0 });
const context = (hashKey: string, available: readonly Candidate[]) => ({
  hashKey,
  available,
  nowMs: 0,
  random: () => 0.5,
});

t.test('nobody has more than its bound, whatever the keys are', async (t) => {
  for (const name of ['hash', 'maglev'] as const) {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(3), { maxLength: 60 }),
        fc.integer({ min: 101, max: 200 }),
        (weights, keys, percent) => {
          const pick = createPolicy<Busy>(name, { hashBalancePercent: percent });
          const servers = weights.map((weight, i) => busy(`10.0.0.${i}:80`, weight));
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          return keys.every((key, i) => {
            const chosen = pick(servers, context(`key-${key}`, servers))!;
            chosen.active++;
            return chosen.active <= Math.ceil(((i + 1) * percent * chosen.weight) / (100 * total));
          });
        },
      ),
      { numRuns: name === 'maglev' ? 20 : 100 },
    );
    t.pass(name);
  }
});

t.test('a key leaves its server only while that is full', async (t) => {
  const pick = boundedLoad(hash<Busy>(), 125);
  const servers = ['a', 'b', 'c', 'd'].map((id) => busy(id));
  const home = hash<Busy>()(servers, context('hot', servers))!;
  t.equal(pick(servers, context('hot', servers)), home);
  home.active = 10;
  const second = pick(servers, context('hot', servers))!;
  t.not(second, home);
  t.equal(pick(servers, context('hot', servers)), second, 'always to the same next one');
  const rest = servers.filter((server) => server !== home);
  t.equal(hash<Busy>()(rest, context('hot', rest)), second, 'where it would go if its own were gone');
  home.active = 0;
  t.equal(pick(servers, context('hot', servers)), home);
});
