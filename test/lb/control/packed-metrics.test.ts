import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import t from 'tap';
import { packMetrics, unpackMetrics } from '../../../lb/control/packed-metrics.ts';
import type { PortMetrics } from '../../../lb/metrics/plane-metrics.ts';
import { planeMetrics } from '../../fixtures/fake-admin-source.ts';

t.test('what is packed, sent and unpacked is the same', async (t) => {
  const name = fc.constantFrom('', 'default', '127.0.1.1', '127.0.1.2', '[::1]:80', '127.0.0.1:9001');
  const count = fc.maxSafeNat();
  const row: fc.Arbitrary<PortMetrics> = fc.record(
    {
      pool: name,
      source: name,
      destination: name,
      free: count,
      used: count,
      quarantined: count,
      unusable: count,
      leases: count,
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(row), (ports) => {
      const metrics = planeMetrics(1, { ports });
      t.strictSame(unpackMetrics(deserialize(serialize(packMetrics(metrics)))), metrics);
    }),
    { numRuns: 30 },
  );
});
